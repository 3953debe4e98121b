// A model compiled for each scope that asks, and followed from model to model. What scopes share (clusters, endpoints
// of a zone, routes as a namespace sees them) is compiled once; what is one scope's own is made again only when the
// part of the model that it is made of is not the same objects any more. docs/decisions/0016 has the costs.

import { type ResourceMap, typeUrls, virtualHostType } from '../../xds/index.ts';
import type { Model } from '../model/types.ts';
import { compileGatewayScope, gatewayInputs } from './gateway-scope.ts';
import { compileGrpc, withNowhere } from './grpc-scope.ts';
import { nameHosts } from './named-hosts.ts';
import type { TableKind } from './outbound-table.ts';
import { OutboundSide, Reach, reachKey } from './reach.ts';
import { routesAlike } from './routing.ts';
import { RoutingIndex } from './routing-index.ts';
import { type ClusterDelivery, type HostDelivery, type Scope, scopeKey } from './scope.ts';
import {
  assembleScope,
  type CompiledScope,
  isSameList,
  keepScope,
  noResources,
  nothingOwn,
  type OwnResources,
} from './scope-resources.ts';
import { SharedResources } from './shared-resources.ts';
import { compileAgent, compileSidecar, type Outbound } from './sidecar-scope.ts';

/** What is kept of scopes that get the same, but for endpoints that go by the caller's node. */
interface ScopeSlot {
  readonly users: Set<Scope>;
  /** Of which routing. */
  age: number;
  inputs: readonly unknown[];
  own: OwnResources;
  /** Made last, whichever it is. */
  newest: CompiledScope | null;
  /** By node; where nodes are not told apart, of none. */
  readonly pictures: Map<string, Picture>;
}

interface Picture {
  /** Of which model. */
  readonly turn: number;
  readonly compiled: CompiledScope;
}

type GrpcScope = Extract<Scope, { readonly role: 'grpc' }>;
type ProxyScope = Exclude<Scope, GrpcScope>;

interface Delivery {
  readonly vhds: HostDelivery;
  readonly cds: ClusterDelivery;
}

/** Each is one object, by which it is known to be the same. */
const onDemands = {
  hosts: {
    unasked: { hosts: true, clusters: false },
    'on-demand': { hosts: true, clusters: true },
  },
  'no hosts': {
    unasked: { hosts: false, clusters: false },
    'on-demand': { hosts: false, clusters: true },
  },
} as const;

const emptyModel: Model = { services: new Map(), gateways: new Map(), backends: new Map() };

export class MeshCompiler {
  private model: Model = emptyModel;
  private readonly shared = new SharedResources();
  private readonly outbound = new OutboundSide(emptyModel);
  private index = new RoutingIndex(emptyModel);
  private age = 0;
  private turn = 0;
  /** Of workloads that are not told of all, by what they call. */
  private readonly reaches = new Map<string, Reach>();
  private readonly slots = new Map<string, ScopeSlot>();
  /** By scope: its slot's key, and the routing that it was found for. */
  private readonly keys = new Map<Scope, { readonly key: string; readonly age: number }>();

  constructor(model: Model) {
    this.follow(model);
  }

  /** The model is another now. Parts of it that are the same objects are not looked at again. */
  follow(model: Model): void {
    const before = this.model;
    this.model = model;
    this.dropUnasked();
    this.turn += 1;
    this.shared.follow(before, model);
    if (routesAlike(before, model)) return;
    this.outbound.follow(model);
    this.index = new RoutingIndex(model);
    for (const [key, { age }] of this.reaches) if (age < this.age) this.reaches.delete(key);
    this.age += 1;
  }

  /** The same object as long as nothing in it changed. What is kept for the scope is kept until {@link drop}. */
  compile(scope: Scope): CompiledScope {
    const slot = this.slotOf(scope);
    const node = this.shared.tellsNodesApart ? scope.node : '';
    const held = slot.pictures.get(node);
    // Another scope of its users asked already: there is one for each node that has such a proxy.
    if (held?.turn === this.turn) return held.compiled;
    const before = held?.compiled ?? null;
    const compiled = scope.role === 'grpc' ? this.makeGrpc(scope, before) : this.make(scope, slot, before);
    slot.pictures.set(node, { turn: this.turn, compiled });
    slot.newest = compiled;
    return compiled;
  }

  /** A scope ends with its last stream. */
  drop(scope: Scope): void {
    const known = this.keys.get(scope);
    if (known !== undefined) this.leave(scope, known.key);
  }

  /** Scopes that differ, and what is kept for them. */
  get size(): number {
    return this.slots.size;
  }

  /** Equal for scopes that get the same; it may be another one with each routing. */
  private keyOf(scope: Scope): string {
    const known = this.keys.get(scope);
    if (known?.age === this.age) return known.key;
    const nowhere = scope.node === '' ? scope : { ...scope, node: '' };
    const key = scopeKey(nowhere.role === 'sidecar' ? this.index.narrow(nowhere) : nowhere);
    if (known !== undefined && known.key !== key) this.leave(scope, known.key);
    this.keys.set(scope, { key, age: this.age });
    return key;
  }

  /** Pictures of nodes that no proxy of a scope is on any more. */
  private dropUnasked(): void {
    for (const { pictures } of this.slots.values())
      for (const [node, { turn }] of pictures) if (turn < this.turn) pictures.delete(node);
  }

  private slotOf(scope: Scope): ScopeSlot {
    const key = this.keyOf(scope);
    let slot = this.slots.get(key);
    if (slot === undefined) {
      slot = { users: new Set(), age: -1, inputs: [], own: nothingOwn, newest: null, pictures: new Map() };
      this.slots.set(key, slot);
    }
    slot.users.add(scope);
    return slot;
  }

  private leave(scope: Scope, key: string): void {
    this.keys.delete(scope);
    const slot = this.slots.get(key);
    slot?.users.delete(scope);
    if (slot?.users.size === 0) this.slots.delete(key);
  }

  private make(scope: ProxyScope, slot: ScopeSlot, before: CompiledScope | null): CompiledScope {
    if (slot.age !== this.age) {
      [slot.inputs, slot.own] = this.makeOwn(scope, slot.age < 0 ? null : slot);
      slot.age = this.age;
    }
    const { own } = slot;
    const all = this.shared.clusters;
    const clusters = this.reachOf(scope)?.clustersOf(all) ?? all;
    const assignments = this.shared.assignmentsAt(scope);
    const named = scope.role !== 'gateway' && scope.cds === 'on-demand';
    return assembleScope({ own, clusters, named, assignments }, before, slot.newest);
  }

  /** Nothing is its own: all is made of what others have, as it is asked for. */
  private makeGrpc(scope: GrpcScope, before: CompiledScope | null): CompiledScope {
    const { clusters } = this.shared;
    const { hosts } = this.outbound.tables.hostsOf({
      name: 'grpc',
      namespace: scope.namespace,
      capture: false,
    });
    const resources = new Map<string, ResourceMap>([
      [typeUrls.secret, noResources],
      [typeUrls.endpoint, withNowhere(this.shared.assignmentsAt(scope))],
      [virtualHostType, noResources],
      ...compileGrpc(hosts, clusters),
    ]);
    return keepScope({ resources, notes: nothingOwn.notes }, before);
  }

  /** Null: all of the mesh. */
  private reachOf(scope: ProxyScope): Reach | null {
    const key = scope.role === 'sidecar' ? reachKey(scope) : null;
    if (key === null || scope.role !== 'sidecar') return null;
    let reach = this.reaches.get(key);
    if (reach === undefined) {
      reach = new Reach(scope, this.model);
      this.reaches.set(key, reach);
    } else if (reach.age !== this.age) reach.follow(this.model);
    reach.age = this.age;
    return reach;
  }

  private outboundOf(kind: TableKind, { cds, vhds }: Delivery, reach: Reach | null = null): Outbound {
    const { cors, captured, tables } = reach?.side ?? this.outbound;
    // To whom a captured connection's address belongs has to be known when it comes.
    const byHost = vhds === 'on-demand' && !kind.capture;
    const onDemand = onDemands[byHost ? 'hosts' : 'no hosts'][cds];
    const common = { cors, onDemand, captured: kind.capture ? captured : null };
    if (vhds === 'table') return { routes: tables.tableOf(kind), hosts: noResources, ...common };
    const { hosts, routes } = tables.hostsOf(kind);
    return { routes, hosts: byHost ? nameHosts(kind.name, hosts) : hosts, ...common };
  }

  private makeOwn(scope: ProxyScope, held: ScopeSlot | null): readonly [readonly unknown[], OwnResources] {
    const { model } = this;
    const before = held?.own ?? null;
    const keep = (inputs: readonly unknown[], make: () => OwnResources) =>
      held !== null && isSameList(held.inputs, inputs)
        ? ([held.inputs, held.own] as const)
        : ([inputs, make()] as const);
    switch (scope.role) {
      case 'sidecar': {
        const { namespace, capture } = scope;
        const outbound = this.outboundOf(
          { name: 'outbound', namespace, capture },
          scope,
          this.reachOf(scope),
        );
        const part = this.index.select(scope);
        return [[], compileSidecar(scope, { part, model, outbound }, before)];
      }
      case 'agent': {
        const { namespace } = scope;
        const outbound = this.outboundOf({ name: 'agent', namespace, capture: false }, scope);
        return keep(Object.values(outbound), () => compileAgent(scope, outbound, before));
      }
      case 'gateway': {
        const { ports } = this.shared;
        return keep(gatewayInputs(scope, model, ports), () =>
          compileGatewayScope(scope, model, ports, before),
        );
      }
    }
  }
}
