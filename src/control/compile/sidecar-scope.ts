// What is a sidecar's own: its listeners, the inbound side of its workload, and routes as its namespace sees them. A
// node agent has the latter alone.

import { ClusterSchema, ListenerSchema, RouteConfigurationSchema } from '../../xds/api.ts';
import type { ResourceSet, XdsResource } from '../../xds/index.ts';
import type { Model } from '../model/types.ts';
import { compileInboundCluster, compileInboundRoutes, planInbound } from './inbound.ts';
import { compileListener, type ListenerInput } from './listener.ts';
import { encodeResource } from './resource.ts';
import type { Bind, Scope } from './scope.ts';
import { noResources, type OwnResources, replaceAll } from './scope-resources.ts';

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
  readonly hosts: ResourceSet;
  /** A route of some Service says who may read across origins. */
  readonly cors: boolean;
}

/** Equal inputs, object by object, give what was made `before`. */
export function sidecarInputs(
  part: Model,
  model: Model,
  { routes, hosts, cors }: Outbound,
  before: OwnResources | null,
): readonly unknown[] {
  const { services, gateways, ...rest } = part;
  const whole = before?.ofWhole === true ? [model] : [];
  return [routes, hosts, cors, ...services.values(), ...gateways.values(), ...Object.values(rest), ...whole];
}

export function compileSidecar(
  scope: SidecarScope,
  { part, model, outbound }: SidecarSources,
  before: OwnResources | null,
): OwnResources {
  const { plan, ofWhole } = planInbound(part, scope, model);
  const inbound = encodeResource(
    RouteConfigurationSchema,
    'inbound',
    compileInboundRoutes('inbound', plan),
    before?.routes.get('inbound'),
  );
  const clusters = plan.targets.map((target) => {
    const held = before?.clusters.find(({ name }) => name === target.cluster);
    return encodeResource(ClusterSchema, target.cluster, compileInboundCluster(target), held);
  });
  const listeners = [
    outboundListener('outbound', scope.outbound, outbound.cors, before),
    listener(
      {
        name: 'inbound',
        bind: scope.inbound,
        direction: 'inbound',
        cors: false,
        fenced: plan.fences.length > 0,
      },
      before,
    ),
  ];
  const notes = plan.unresolved.map(
    (port) =>
      `${port}: its targetPort is a name, and neither metadata.application nor metadata.containerPorts says what it is here`,
  );
  return {
    listeners: replaceAll(before?.listeners, listeners),
    routes: replaceAll(before?.routes, [outbound.routes, inbound]),
    hosts: outbound.hosts,
    secrets: noResources,
    clusters: [...new Map(clusters.map((cluster) => [cluster.name, cluster])).values()],
    notes: before !== null && before.notes.join('\n') === notes.join('\n') ? before.notes : notes,
    ofWhole,
  };
}

export function compileAgent(
  { bind }: AgentScope,
  { routes, hosts, cors }: Outbound,
  before: OwnResources | null,
): OwnResources {
  const agent = outboundListener('agent', bind, cors, before);
  return {
    listeners: replaceAll(before?.listeners, [agent]),
    routes: replaceAll(before?.routes, [routes]),
    hosts,
    secrets: noResources,
    clusters: [],
    notes: before?.notes ?? [],
    ofWhole: false,
  };
}

function outboundListener(name: string, bind: Bind, cors: boolean, before: OwnResources | null): XdsResource {
  return listener({ name, bind, direction: 'outbound', cors, fenced: false }, before);
}

function listener(input: ListenerInput, before: OwnResources | null): XdsResource {
  return encodeResource(
    ListenerSchema,
    input.name,
    compileListener(input),
    before?.listeners.get(input.name),
  );
}
