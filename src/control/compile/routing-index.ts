// Which part of the model the inbound side of a workload can be made of: the Services it stands behind, and those, and
// Gateways, whose rules lead to them. Found by an index, since each of a thousand scopes would else walk the whole
// mesh at each change of a route.

import { hostsOf, type Model, type RuleModel, type ServiceModel } from '../model/types.ts';
import type { Scope } from './scope.ts';

type SidecarScope = Extract<Scope, { readonly role: 'sidecar' }>;

export class RoutingIndex {
  private readonly model: Model;
  /** By namespace and the first label that they ask for. */
  private readonly selecting = new Map<string, ServiceModel[]>();
  /** Labels that Services of a namespace ask for. */
  private readonly labels = new Map<string, Set<string>>();
  /** Ids of Services and Gateways with rules that lead to a port. */
  private readonly leading = new Map<string, Set<string>>();
  /** In the model's order, which decides between two that claim one name. */
  private readonly positions = new Map<string, number>();

  constructor(model: Model) {
    this.model = model;
    for (const service of model.services.values()) {
      this.positions.set(service.id, this.positions.size);
      this.addSelector(service);
      for (const { routes } of service.ports) {
        this.addRules(service.id, routes.producer ?? []);
        for (const rules of routes.consumers.values()) this.addRules(service.id, rules);
      }
    }
    for (const gateway of model.gateways.values())
      for (const socket of gateway.sockets)
        for (const { rules } of hostsOf(socket)) this.addRules(gateway.id, rules);
  }

  /** The scope as far as it matters: pods of one Service differ in labels that no Service asks for. */
  narrow(scope: SidecarScope): SidecarScope {
    const asked = this.labels.get(scope.namespace);
    const labels = Object.entries(scope.labels).filter(([label]) => asked?.has(label) === true);
    return { ...scope, labels: Object.fromEntries(labels) };
  }

  /** All of the model that can have a part in the inbound side of the scope. */
  select(scope: SidecarScope): Model {
    const ids = new Set<string>();
    for (const [label, value] of Object.entries(scope.labels))
      for (const service of this.selecting.get(`${scope.namespace} ${label}=${value}`) ?? []) {
        ids.add(service.id);
        for (const port of service.ports) for (const id of this.leading.get(port.id) ?? []) ids.add(id);
      }
    const { services, gateways } = this.model;
    const own = [...ids].flatMap((id) => services.get(id) ?? []);
    own.sort((a, b) => (this.positions.get(a.id) ?? 0) - (this.positions.get(b.id) ?? 0));
    return {
      ...this.model,
      services: new Map(own.map((service) => [service.id, service])),
      gateways: new Map([...gateways].filter(([id]) => ids.has(id))),
    };
  }

  private addSelector(service: ServiceModel): void {
    const [first, ...rest] = Object.entries(service.selector);
    if (first === undefined) return;
    append(this.selecting, `${service.namespace} ${first[0]}=${first[1]}`, service);
    for (const [label] of [first, ...rest]) collect(this.labels, service.namespace, label);
  }

  private addRules(id: string, rules: readonly RuleModel[]): void {
    for (const { action, mirrors } of rules) {
      for (const { port } of mirrors) collect(this.leading, port, id);
      if (action.kind !== 'forward') continue;
      for (const { port } of action.backends) if (port !== null) collect(this.leading, port, id);
    }
  }
}

function append<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

function collect(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}
