// What is a sidecar's own: its listeners, the inbound side of its workload, and routes as its namespace sees them. A
// node agent has the latter alone.

import { ClusterSchema, ListenerSchema, RouteConfigurationSchema } from '../../xds/api.ts';
import type { ResourceMap, XdsResource } from '../../xds/index.ts';
import type { Model } from '../model/types.ts';
import {
  type CapturedListenerInput,
  type CapturedPlan,
  compileCapturedListener,
  compilePassthroughCluster,
  passthroughCluster,
} from './captured.ts';
import { compileCapturedInbound, inboundPassthrough, tellInbound } from './captured-inbound.ts';
import { closedCluster, compileClosedCluster, shareChains } from './captured-streams.ts';
import { compileInboundCluster, compileInboundRoutes, planInbound } from './inbound.ts';
import { compileListener } from './listener.ts';
import type { OnDemand } from './on-demand.ts';
import { encodeResource } from './resource.ts';
import type { Bind, Scope } from './scope.ts';
import {
  type InboundSide,
  isSameList,
  noResources,
  type OwnResources,
  replaceAll,
} from './scope-resources.ts';

type SidecarScope = Extract<Scope, { readonly role: 'sidecar' }>;
type AgentScope = Extract<Scope, { readonly role: 'agent' }>;

export interface SidecarSources {
  /** All of the model that can have a part in the inbound side. */
  readonly part: Model;
  readonly model: Model;
  readonly outbound: Outbound;
}

/** What callers of a namespace get, beside clusters and endpoints. */
export interface Outbound {
  readonly routes: XdsResource;
  readonly hosts: ResourceMap;
  /** A request of an unknown host or cluster waits for it. */
  readonly onDemand: OnDemand;
  /** A route of some Service says who may read across origins. */
  readonly cors: boolean;
  /** Where connections that were led to the proxy can be going; null: none are led to it. */
  readonly captured: CapturedPlan | null;
}

/** Equal inputs, object by object, give what was made before. */
function inboundInputs(part: Model, model: Model, before: InboundSide | null): readonly unknown[] {
  const { services, gateways, ...rest } = part;
  const whole = before?.ofWhole === true ? [model] : [];
  return [...services.values(), ...gateways.values(), ...Object.values(rest), ...whole];
}

export function compileSidecar(
  scope: SidecarScope,
  { part, model, outbound }: SidecarSources,
  before: OwnResources | null,
): OwnResources {
  const inputs = inboundInputs(part, model, before?.inbound ?? null);
  const held = before?.inbound ?? null;
  const inbound =
    held !== null && isSameList(held.inputs, inputs)
      ? held
      : compileInbound(scope, part, model, { inputs, before: held });
  const { captured, cors, onDemand } = outbound;
  const { outbound: bind, ipv6 } = scope;
  const own =
    captured === null
      ? outboundListener('outbound', bind, outbound, before)
      : capturedListener({ bind, ipv6, cors, onDemand, plan: captured, namespace: scope.namespace }, before);
  return {
    listeners: replaceAll(before?.listeners, [own, inbound.listener]),
    routes: replaceAll(before?.routes, [outbound.routes, inbound.routes]),
    hosts: outbound.hosts,
    secrets: noResources,
    clusters: [...inbound.clusters, ...clustersOf(captured, scope.namespace)],
    notes: keepNotes(before, [...tellOutbound(captured, scope.namespace), ...inbound.notes]),
    inbound,
  };
}

function tellOutbound(captured: CapturedPlan | null, namespace: string): readonly string[] {
  return captured === null ? [] : shareChains(captured, namespace).notes;
}

/** The same list for the same sentences. */
function keepNotes(
  before: { readonly notes: readonly string[] } | null,
  notes: readonly string[],
): readonly string[] {
  return before !== null && before.notes.join('\n') === notes.join('\n') ? before.notes : notes;
}

function compileInbound(
  scope: SidecarScope,
  part: Model,
  model: Model,
  { inputs, before }: { readonly inputs: readonly unknown[]; readonly before: InboundSide | null },
): InboundSide {
  const { plan, ofWhole } = planInbound(part, scope, model);
  const table = compileInboundRoutes('inbound', plan);
  const clusters = plan.targets.map((target) => {
    const held = before?.clusters.find(({ name }) => name === target.cluster);
    return encodeResource(ClusterSchema, target.cluster, compileInboundCluster(target), held);
  });
  const fenced = plan.fences.length > 0;
  const { inbound: bind, ipv6 } = scope;
  const { ports } = plan;
  const listener = scope.capture
    ? compileCapturedInbound({ bind, ipv6, fenced, ports })
    : compileListener({ name: 'inbound', bind, ipv6, direction: 'inbound', cors: false, fenced });
  const notes = [
    ...(scope.capture ? tellInbound(ports, bind.port) : []),
    ...plan.unresolved.map(
      (port) =>
        `${port}: its targetPort is a name, and neither metadata.application nor metadata.containerPorts says what it is here`,
    ),
  ];
  return {
    inputs,
    ofWhole,
    listener: encodeResource(ListenerSchema, 'inbound', listener, before?.listener),
    routes: encodeResource(RouteConfigurationSchema, 'inbound', table, before?.routes),
    clusters: [...new Map(clusters.map((cluster) => [cluster.name, cluster])).values()],
    notes: keepNotes(before, notes),
  };
}

export function compileAgent(
  { bind }: AgentScope,
  outbound: Outbound,
  before: OwnResources | null,
): OwnResources {
  const { hosts, routes } = outbound;
  const agent = outboundListener('agent', bind, outbound, before);
  return {
    listeners: replaceAll(before?.listeners, [agent]),
    routes: replaceAll(before?.routes, [routes]),
    hosts,
    secrets: noResources,
    clusters: [],
    notes: before?.notes ?? [],
    inbound: null,
  };
}

const passthroughs = [passthroughCluster, inboundPassthrough].map((name) =>
  encodeResource(ClusterSchema, name, compilePassthroughCluster(name)),
);
const closing = encodeResource(ClusterSchema, closedCluster, compileClosedCluster());

function clustersOf(captured: CapturedPlan | null, namespace: string): readonly XdsResource[] {
  if (captured === null) return [];
  return shareChains(captured, namespace).closed.length === 0 ? passthroughs : [...passthroughs, closing];
}

function capturedListener(input: CapturedListenerInput, before: OwnResources | null): XdsResource {
  const listener = compileCapturedListener(input);
  return encodeResource(ListenerSchema, 'outbound', listener, before?.listeners.get('outbound'));
}

function outboundListener(
  name: string,
  bind: Bind,
  { cors, onDemand }: Outbound,
  before: OwnResources | null,
): XdsResource {
  const listener = compileListener({ name, bind, direction: 'outbound', cors, onDemand, fenced: false });
  return encodeResource(ListenerSchema, name, listener, before?.listeners.get(name));
}
