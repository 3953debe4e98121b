// The mesh as the control plane sees it, as JSON for the console and for scripts: `GET /api/v1/mesh`. Plain data, built
// when asked for.

import type { AdsTypeStatus, ClientLoad } from '../../xds/index.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { EndpointModel, Model, PortModel, RuleAction, RuleModel, ServiceModel } from '../model/types.ts';
import { hostsOf } from '../model/types.ts';
import type { ServicePolicySettings } from '../schema/service-policy.ts';
import type { Nack } from '../status/nacks.ts';
import type { ProxyState } from '../status/proxies.ts';
import { type Finding, listFindings, listNotes, type ObjectStatus } from '../status/report.ts';

export interface MeshView {
  /** Unix time in milliseconds, as all times here. */
  readonly atMs: number;
  /** False: the first reading of the manifests is not over. */
  readonly synced: boolean;
  /** How often the model was built since the start. */
  readonly builds: number;
  /** By name; pods' own names below a headless Service are left out. */
  readonly services: readonly ServiceView[];
  /** Gateways of this mesh's class. */
  readonly gateways: readonly GatewayView[];
  /** Every proxy that is connected, and those that were lately. */
  readonly proxies: readonly ProxyView[];
  /** Every object that was read, and what is said about it. */
  readonly objects: readonly ObjectStatus[];
  /** What somebody has to mend, wherever it was found: what `weft check` calls a fault. */
  readonly findings: readonly Finding[];
  /** What is left out or pending without being a fault, a sentence each. */
  readonly notes: readonly string[];
}

/** `GET /api/v1/proxies`: of the mesh the proxies alone, for tools that ask every replica of a control plane. */
export interface ProxiesView {
  readonly atMs: number;
  readonly synced: boolean;
  readonly proxies: readonly ProxyView[];
}

export interface ServiceView {
  /** `namespace/name`. */
  readonly id: string;
  /** Of the Service. */
  readonly namespace: string;
  /** Of the Service, within its namespace. */
  readonly name: string;
  /** Those that the mesh carries, in the Service's order. */
  readonly ports: readonly PortView[];
}

export interface PortView {
  /** `namespace/service:port`; also the name of its cluster in every proxy. */
  readonly id: string;
  /** As callers write it. */
  readonly port: number;
  /** Empty: the port has none. */
  readonly name: string;
  /** In force for it: defaults, and what a ServicePolicy says. */
  readonly policy: ServicePolicySettings;
  /** Keys of the objects that made it: the Service, and the policies in force. */
  readonly owners: readonly string[];
  /** Those that may be called; a pod that is not ready is not there. */
  readonly endpoints: readonly EndpointModel[];
  /** In order of precedence; none: everything goes to the Service. */
  readonly routes: readonly RouteView[];
}

/** One match of one rule of a route. */
export interface RouteView {
  /** `namespace/route/rule`. */
  readonly name: string;
  /** Key of the route that it is of. */
  readonly object: string;
  /** Namespace of the callers that it is for; empty: all. */
  readonly consumer: string;
  /** What becomes of a request; `unavailable` is answered with an error. */
  readonly kind: RuleAction['kind'];
  /** Where a request is forwarded. */
  readonly backends: readonly BackendView[];
}

export interface BackendView {
  /** Id of the port; null: it does not resolve, and its share is answered 500. */
  readonly cluster: string | null;
  /** Of the sum of all weights. */
  readonly weight: number;
}

export interface GatewayView {
  /** `namespace/name`. */
  readonly id: string;
  /** By port: listeners of one port share a socket. */
  readonly listeners: readonly SocketView[];
}

export interface SocketView {
  /** Also the name of the listener in its proxies. */
  readonly name: string;
  /** As the Gateway says it; where a proxy listens is the proxy's own. */
  readonly port: number;
  /** Hosts that are served on it. */
  readonly hosts: readonly HostView[];
}

export interface HostView {
  /** May begin with a wildcard; `*`: any. */
  readonly hostname: string;
  /** In order of precedence. */
  readonly routes: readonly RouteView[];
}

export interface ProxyView {
  /** Its node id: `role~name.namespace`. */
  readonly node: string;
  /** `sidecar`, `agent` or `gateway`; empty: its id says none, and it is sent nothing. */
  readonly role: string;
  /** The node's `cluster`: whose replica it is. */
  readonly workload: string;
  /** Empty: not known. */
  readonly namespace: string;
  /** From its locality; empty: it did not say. */
  readonly zone: string;
  /** It has a stream open now. */
  readonly connected: boolean;
  /** When its newest stream began. */
  readonly connectedAtMs: number;
  /** When it was heard of last. */
  readonly lastSeenAtMs: number;
  /** `weft`, `envoy` and so on, as the client names itself. */
  readonly userAgent: string;
  /** Weft's version; empty: another proxy. */
  readonly weft: string;
  /** `host:port` of its admin interface; empty: it did not say. */
  readonly admin: string;
  /** `delta` or `sotw`; empty: not connected. */
  readonly variant: string;
  /** What it subscribed to; none: not connected. */
  readonly types: readonly TypeView[];
  /** What it refused, and has not taken since. */
  readonly nacks: readonly Nack[];
  /** What is missing of what it should be sent, a sentence each. */
  readonly notes: readonly string[];
  /** How its requests went, where it reports that itself (LRS); null: it does not. */
  readonly load: LoadView | null;
}

/** Since its streams of reports began, over the clusters that the mesh knows. */
export interface LoadView {
  /** Of reports that are open: a program that is several clients has one for each. */
  readonly streams: number;
  /** Requests begun. */
  readonly issued: number;
  /** Of those that ended: as the client counts it, without gRPC errors and 5xx. */
  readonly succeeded: number;
  /** Of those that ended: the rest. */
  readonly failed: number;
  /** Never sent, as its drop policy or a circuit breaker had it. */
  readonly dropped: number;
  /** As its last report had it. */
  readonly inProgress: number;
  /** Of its last report of a cluster that the mesh knows; 0: none yet. */
  readonly reportedAtMs: number;
}

export interface TypeView extends AdsTypeStatus {
  /** When the newest version was acknowledged; 0: never. */
  readonly ackedAtMs: number;
}

export function createMeshView(plane: ControlPlane): MeshView {
  const { model } = plane.built;
  const objects = plane.describeObjects();
  return {
    atMs: plane.clock.wall(),
    synced: plane.synced,
    builds: plane.counters.builds,
    services: writtenServices(model).map(({ id, namespace, name, ports }) => ({
      id,
      namespace,
      name,
      ports: ports.map(viewPort),
    })),
    gateways: [...model.gateways.values()].map(({ id, sockets }) => ({
      id,
      listeners: sockets.map((socket) => ({
        name: socket.name,
        port: socket.port,
        hosts: hostsOf(socket).map(({ hostname, rules }) => ({
          hostname,
          routes: rules.map((rule) => viewRule(rule, '')),
        })),
      })),
    })),
    proxies: listProxies(plane),
    objects,
    findings: listFindings(objects, plane.faults),
    notes: listNotes(objects),
  };
}

export function createProxiesView(plane: ControlPlane): ProxiesView {
  return { atMs: plane.clock.wall(), synced: plane.synced, proxies: listProxies(plane) };
}

function viewPort(port: PortModel): PortView {
  const { id, name, policy, owners, endpoints, routes } = port;
  return {
    id,
    port: port.port,
    name,
    policy,
    owners,
    endpoints,
    routes: [
      ...(routes.producer ?? []).map((rule) => viewRule(rule, '')),
      ...[...routes.consumers].flatMap(([consumer, rules]) => rules.map((rule) => viewRule(rule, consumer))),
    ],
  };
}

function viewRule(rule: RuleModel, consumer: string): RouteView {
  const { action } = rule;
  const backends = action.kind === 'forward' ? action.backends : [];
  return {
    name: rule.name,
    object: rule.owner,
    consumer,
    kind: action.kind,
    backends: backends.map(({ port, weight }) => ({ cluster: port, weight })),
  };
}

function listProxies(plane: ControlPlane): readonly ProxyView[] {
  // A client of the separate services has a stream for each.
  const streams = Map.groupBy(plane.adsServer.status(), ({ node }) => node?.id ?? '');
  const loads = plane.loads.byNode();
  return plane.proxies.list().map((proxy) => {
    const { node, entry } = proxy;
    const own = streams.get(node.id) ?? [];
    return {
      node: node.id,
      role: entry.scope?.role ?? '',
      workload: node.cluster,
      namespace: entry.scope?.namespace ?? '',
      zone: node.locality.zone,
      connected: proxy.streams > 0,
      connectedAtMs: proxy.connectedAtMs,
      lastSeenAtMs: proxy.lastSeenAtMs,
      userAgent: node.userAgent,
      weft: textOf(node.metadata['weft']),
      admin: textOf(node.metadata['admin']),
      variant: own.at(-1)?.variant ?? '',
      types: own
        .flatMap(({ types }) => types)
        .map((type) => ({ ...type, ackedAtMs: takenAt(proxy, type.typeUrl) })),
      nacks: plane.nacks.of(node.id),
      notes: entry.notes,
      load: viewLoad(loads.get(node.id)),
    };
  });
}

function viewLoad(load: ClientLoad | undefined): LoadView | null {
  if (load === undefined) return null;
  const { streams, issued, succeeded, failed, dropped, inProgress, reportedAtMs } = load;
  return { streams, issued, succeeded, failed, dropped, inProgress, reportedAtMs };
}

function takenAt(proxy: ProxyState, typeUrl: string): number {
  return proxy.taken.get(typeUrl)?.atMs ?? 0;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Without the names of single pods, which nobody wrote. */
function writtenServices(model: Model): readonly ServiceModel[] {
  return [...model.services.values()].filter((service) => service.podOf === null);
}
