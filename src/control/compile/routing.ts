// What of a model routes: all but endpoints and what only clusters say.

import type { Model, PortModel, RuleModel, ServiceModel } from '../model/types.ts';

/** The model routes as it did: every Service and Gateway that it had, and no other. */
export function routesAlike(before: Model, after: Model): boolean {
  if (before.services.size !== after.services.size) return false;
  const { services: _old, ...oldRest } = before;
  const { services: _new, ...newRest } = after;
  if (!isSameFields(oldRest, newRest)) return false;
  for (const [id, service] of after.services) {
    const old = before.services.get(id);
    if (old === undefined || !isRoutedAlike(old, service)) return false;
  }
  return true;
}

/** Nothing of the Service changed but endpoints. */
export function isRoutedAlike(before: ServiceModel, after: ServiceModel): boolean {
  if (before === after) return true;
  const { ports: oldPorts, ...old } = before;
  const { ports: newPorts, ...now } = after;
  if (!isSameFields(old, now) || oldPorts.length !== newPorts.length) return false;
  return newPorts.every((port, i) => isPortAlike(oldPorts[i], port));
}

function isPortAlike(before: PortModel | undefined, after: PortModel): boolean {
  if (before === after) return true;
  if (before === undefined) return false;
  return isSameFields({ ...before, endpoints: null }, { ...after, endpoints: null });
}

function isSameFields(before: object, after: object): boolean {
  const [old, now] = [Object.entries(before), Object.entries(after)];
  return old.length === now.length && old.every(([name, value], i) => isSame(now[i], name, value));
}

function isSame(entry: readonly [string, unknown] | undefined, name: string, value: unknown): boolean {
  return entry?.[0] === name && entry[1] === value;
}

/** Most Services have no rules, and of ten thousand each generator counts. */
export function isRouted({ ports }: ServiceModel): boolean {
  return ports.some(({ routes }) => routes.producer !== null || routes.consumers.size > 0);
}

/** A route of some Service says who may read across origins. */
export function hasCors(model: Model): boolean {
  for (const service of model.services.values()) {
    if (!isRouted(service)) continue;
    for (const rule of rulesOf(service)) if (rule.cors !== null) return true;
  }
  return false;
}

export function* rulesOf(service: ServiceModel): Generator<RuleModel> {
  for (const { routes } of service.ports) {
    yield* routes.producer ?? [];
    for (const rules of routes.consumers.values()) yield* rules;
  }
}
