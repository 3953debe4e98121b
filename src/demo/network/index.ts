import { DemoFault } from '../fault.ts';
import type { Machine } from '../machine/machine.ts';
import { LoopbackNetwork } from './loopback.ts';
import { NamespaceNetwork, whyNoNamespaces } from './namespaces.ts';
import type { PodNetwork } from './network.ts';

export type { PodNetwork, PodPlace, ProcessRole } from './network.ts';

export const networkKinds = ['loopback', 'namespaces'] as const;
export type NetworkKind = (typeof networkKinds)[number];

/** What was asked for, or the best that there is here. A DemoFault where that cannot be had. */
export function chooseNetwork(asked: NetworkKind | null): NetworkKind {
  if (asked === 'loopback') return asked;
  const why = whyNoNamespaces();
  if (why === '') return 'namespaces';
  if (asked === null) return 'loopback';
  throw new DemoFault('usage', `no network namespaces for the pods: ${why}`);
}

/** `services`: names that the applications call each other by. */
export function createNetwork(kind: NetworkKind, machine: Machine, services: readonly string[]): PodNetwork {
  return kind === 'loopback' ? new LoopbackNetwork(machine.ports) : new NamespaceNetwork(machine, services);
}
