// What one workload calls, where its proxy is not to be told of the whole mesh (docs/decisions/0031): the Services that
// its node names (`calls`), or those whose AccessPolicies may let its account in. Others are no names to it.

import { ResourceSet } from '../../xds/index.ts';
import { shareEqual } from '../model/share-equal.ts';
import { type AccessModel, type Model, portsOfRules, type ServiceModel } from '../model/types.ts';
import { type CapturedPlan, planCaptured } from './captured.ts';
import { OutboundTables } from './outbound-table.ts';
import { hasCors, routesAlike, rulesOf } from './routing.ts';
import type { Calls, Scope } from './scope.ts';

type SidecarScope = Extract<Scope, { readonly role: 'sidecar' }>;

/** Equal for workloads that call the same; null: everything. */
export function reachKey({ account, calls, namespace }: SidecarScope): string | null {
  return calls === 'all' ? null : JSON.stringify([namespace, account, calls]);
}

/** What callers of a mesh of these Services have. */
export class OutboundSide {
  readonly tables: OutboundTables;
  /** A route of some Service says who may read across origins. */
  cors: boolean;
  captured: CapturedPlan;

  constructor(model: Model) {
    this.tables = new OutboundTables(model);
    this.captured = planCaptured(model);
    this.cors = hasCors(model);
  }

  /** `model` routes otherwise than the one before it. */
  follow(model: Model): void {
    this.tables.follow(model);
    this.captured = shareEqual(this.captured, planCaptured(model));
    this.cors = hasCors(model);
  }
}

/** The outbound side of the Services that a workload calls, followed from model to model. */
export class Reach {
  readonly side: OutboundSide;
  /** Of the routing that asked for it last. */
  age = 0;
  private readonly scope: SidecarScope;
  private model: Model;
  /** Of what they were chosen, and which. */
  private clusters: { readonly from: ResourceSet; readonly of: Model; readonly set: ResourceSet } | null =
    null;

  constructor(scope: SidecarScope, model: Model) {
    this.scope = scope;
    this.model = narrow(scope, model);
    this.side = new OutboundSide(this.model);
  }

  follow(model: Model): void {
    const before = this.model;
    this.model = narrow(this.scope, model);
    if (!routesAlike(before, this.model)) this.side.follow(this.model);
  }

  /** Of all that the mesh has; endpoints are asked for by whoever has a cluster. */
  clustersOf(all: ResourceSet): ResourceSet {
    const { clusters, model } = this;
    if (clusters?.from === all && clusters.of === model) return clusters.set;
    const names = [...new Set([...model.services.values()].flatMap(portsReached))];
    const wanted = names.flatMap((name) => all.get(name) ?? []);
    const kept = new Set(names);
    const gone = [...(clusters?.set.keys() ?? [])].filter((name) => !kept.has(name) || !all.has(name));
    const set = clusters === null ? ResourceSet.of(wanted) : clusters.set.with(wanted, gone);
    this.clusters = { from: all, of: model, set };
    return set;
  }
}

/** Its own, and those that its rules lead or copy to. */
function portsReached(service: ServiceModel): readonly string[] {
  return [...service.ports.map(({ id }) => id), ...portsOfRules([...rulesOf(service)])];
}

/** In the model's order. */
function narrow(scope: SidecarScope, model: Model): Model {
  const services = new Map([...model.services].filter(([, service]) => isCalled(scope, service)));
  return { services, gateways: new Map(), backends: model.backends };
}

function isCalled({ account, calls, namespace }: SidecarScope, service: ServiceModel): boolean {
  if (calls === 'allowed') return service.ports.some(({ access }) => mayCall(access, namespace, account));
  return isNamed(calls, service.podOf ?? service.id);
}

/** `namespace/name`; a pod of a headless Service goes by that. */
function isNamed(calls: Calls, id: string): boolean {
  return calls.includes(id);
}

/** Where a rule is of addresses, it may be meant. */
function mayCall(access: AccessModel | null, namespace: string, account: string): boolean {
  const rules = access?.enforced ?? null;
  if (rules === null) return true;
  return rules.some(
    ({ callers }) =>
      callers === null ||
      callers.some((caller) => {
        if (caller.kind === 'block') return true;
        if (caller.kind === 'namespace') return caller.name === namespace;
        return caller.namespace === namespace && caller.name === account;
      }),
  );
}
