// HTTPRoutes to their parents (GAMMA and Gateway): producer and consumer routes of Services, hosts of gateways' listeners. Several routes on one
// parent merge by Gateway API's precedence.

import type { ParentRef } from '../schema/http-route.ts';
import type { HttpRouteObject, ReferenceGrantObject, ServiceObject } from '../schema/resources.ts';
import { objectKey } from '../source/types.ts';
import type { GatewayBuilder } from './gateways.ts';
import { sortByPrecedence } from './precedence.ts';
import { type RouteRules, resolveRules } from './rules.ts';
import type { ConditionBook, Refusal } from './status.ts';
import type { PortModel, RuleModel, ServiceModel } from './types.ts';

export interface RouteInputs {
  /** The oldest first. */
  readonly routes: readonly HttpRouteObject[];
  readonly grants: readonly ReferenceGrantObject[];
  readonly services: ReadonlyMap<string, ServiceObject>;
  readonly carried: ReadonlySet<string>;
  readonly book: ConditionBook;
}

/** Attaches every route; Services that got one are replaced in `models` and Gateways take theirs through `gateways`. */
export function attachRoutes(
  inputs: RouteInputs,
  models: Map<string, ServiceModel>,
  gateways: GatewayBuilder,
): void {
  const attached = new AttachedRules();
  const directory = { services: inputs.services, grants: inputs.grants, ports: inputs.carried };
  for (const route of inputs.routes) {
    const resolved = resolveRules(route, directory);
    for (const parent of route.spec.parentRefs) {
      const about = describeParent(route, parent);
      const refusal = attachToParent(route, parent, resolved.rules, models, gateways, attached);
      if (refusal === null) inputs.book.accept(route.key, about);
      else inputs.book.refuse(route.key, about, refusal.reason, refusal.message);
      tellResolved(inputs.book, route, about, resolved);
    }
    if (route.spec.parentRefs.length === 0)
      inputs.book.refuse(route.key, '', 'NoMatchingParent', 'has no parentRefs, so nothing uses it');
  }
  for (const [id, model] of models) {
    const ports = model.ports.map((port) => attached.applyTo(port));
    models.set(id, { ...model, ports });
  }
}

function attachToParent(
  route: HttpRouteObject,
  parent: ParentRef,
  rules: readonly RuleModel[],
  models: ReadonlyMap<string, ServiceModel>,
  gateways: GatewayBuilder,
  attached: AttachedRules,
): Refusal | null {
  if (parent.kind === 'Gateway' && parent.group === 'gateway.networking.k8s.io')
    return gateways.attach(route, parent, rules);
  if (parent.kind !== 'Service' || (parent.group !== '' && parent.group !== 'core'))
    return {
      reason: 'InvalidKind',
      message: `${parent.group}/${parent.kind} is not a parent that the mesh knows`,
    };
  const namespace = parent.namespace ?? route.metadata.namespace;
  const service = models.get(`${namespace}/${parent.name}`);
  if (service === undefined)
    return { reason: 'NoMatchingParent', message: `there is no Service ${namespace}/${parent.name}` };
  const ports = service.ports.filter(
    (port) =>
      (parent.port === undefined || parent.port === port.port) &&
      (parent.sectionName === undefined || parent.sectionName === port.name),
  );
  if (ports.length === 0)
    return { reason: 'NoMatchingParent', message: `Service ${service.id} has no such port in the mesh` };
  const consumer = route.metadata.namespace === namespace ? null : route.metadata.namespace;
  for (const port of ports) attached.add(port.id, consumer, rules);
  return null;
}

/** Rules by port and by the callers they are for. */
class AttachedRules {
  readonly #producer = new Map<string, RuleModel[]>();
  readonly #consumers = new Map<string, Map<string, RuleModel[]>>();

  add(port: string, consumer: string | null, rules: readonly RuleModel[]): void {
    if (consumer === null) {
      append(this.#producer, port, rules);
      return;
    }
    const byNamespace = this.#consumers.get(port) ?? new Map<string, RuleModel[]>();
    this.#consumers.set(port, byNamespace);
    append(byNamespace, consumer, rules);
  }

  applyTo(port: PortModel): PortModel {
    const producer = this.#producer.get(port.id);
    const consumers = this.#consumers.get(port.id);
    if (producer === undefined && consumers === undefined) return port;
    const sorted = [...(consumers ?? [])].map(([name, rules]) => [name, sortByPrecedence(rules)] as const);
    return {
      ...port,
      routes: {
        producer: producer === undefined ? null : sortByPrecedence(producer),
        consumers: new Map(sorted),
      },
    };
  }
}

function append(map: Map<string, RuleModel[]>, key: string, rules: readonly RuleModel[]): void {
  const list = map.get(key);
  // A route may name one parent twice, by two of its ports' names; its rules count once.
  if (list === undefined) map.set(key, [...rules]);
  else for (const rule of rules) if (!list.includes(rule)) list.push(rule);
}

function tellResolved(
  book: ConditionBook,
  route: HttpRouteObject,
  about: string,
  resolved: RouteRules,
): void {
  const { fault } = resolved;
  book.add(route.key, {
    type: 'ResolvedRefs',
    status: fault === null ? 'True' : 'False',
    reason: fault?.reason ?? 'ResolvedRefs',
    message: fault?.message ?? '',
    about,
  });
}

function describeParent(route: HttpRouteObject, parent: ParentRef): string {
  const key = objectKey(parent.namespace ?? route.metadata.namespace, parent.kind, parent.name);
  const port = parent.port === undefined ? '' : `:${parent.port}`;
  return key + port + (parent.sectionName === undefined ? '' : `#${parent.sectionName}`);
}
