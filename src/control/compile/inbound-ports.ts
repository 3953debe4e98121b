// Ports of the application behind a sidecar, as Services lead to them: each once, with what is read there and who may
// call.

import type { AccessModel, PortModel } from '../model/types.ts';
import { joinAccess } from './access.ts';
import { readsHttp } from './captured-filters.ts';
import type { Scope } from './scope.ts';

type SidecarScope = Extract<Scope, { readonly role: 'sidecar' }>;

/** A port of the application that Services lead to. */
export interface InboundPort {
  readonly port: number;
  /** Some Service reads HTTP there; else its bytes are carried. */
  readonly http: boolean;
  /** null: everybody may call. */
  readonly access: AccessModel | null;
}

/** Where the application listens for it; null: neither the node nor the Service says it as a number. */
export function findApplicationPort(
  port: PortModel,
  scope: Pick<SidecarScope, 'application' | 'containerPorts'>,
): number | null {
  const told = scope.application[port.name] ?? scope.application[String(port.port)];
  if (told !== undefined) return told;
  if (typeof port.targetPort === 'number') return port.targetPort;
  return scope.containerPorts[port.targetPort] ?? null;
}

/**
 * A fence is of the application's port, by whatever Service's name it is reached: another one that leads there is no
 * way round, whatever it speaks.
 */
export function listPorts(found: ReadonlyMap<number, readonly PortModel[]>): readonly InboundPort[] {
  const ports = [...found].map(([port, models]) => ({
    port,
    http: models.some(readsHttp),
    access: joinAccess(models.flatMap(({ access }) => access ?? [])),
  }));
  return ports.sort((a, b) => a.port - b.port);
}
