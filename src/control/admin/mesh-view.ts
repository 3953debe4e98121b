// The mesh as the control plane sees it, as JSON for the console and for scripts: `GET /api/v1/mesh`. Plain data, built
// when asked for.

import type { AdsTypeStatus } from '../../xds/index.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { Condition } from '../model/status.ts';
import type { EndpointModel, Model, PortModel, RuleModel, ServiceModel } from '../model/types.ts';
import type { ServicePolicySettings } from '../schema/service-policy.ts';
import type { Nack } from '../status/nacks.ts';
import type { ProxyState } from '../status/proxies.ts';
import { type Finding, listFindings, listNotes, type ObjectStatus, reportObjects } from '../status/report.ts';

export interface MeshView {
  /** Unix time in milliseconds, as all times here. */
  readonly atMs: number;
  /** False: the first reading of the manifests is not over. */
  readonly synced: boolean;
  readonly builds: number;
  readonly services: readonly ServiceView[];
  readonly gateways: readonly GatewayView[];
  readonly proxies: readonly ProxyView[];
  readonly objects: readonly ObjectStatus[];
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
}

export interface ServiceView {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly ports: readonly PortView[];
}

export interface PortView {
  /** Also the name of its cluster in every proxy. */
  readonly id: string;
  readonly port: number;
  readonly name: string;
  readonly policy: ServicePolicySettings;
  readonly owners: readonly string[];
  readonly endpoints: readonly EndpointModel[];
  readonly routes: readonly RouteView[];
}

export interface RouteView {
  readonly name: string;
  readonly object: string;
  /** Callers it is for; empty: all. */
  readonly consumer: string;
  readonly kind: RuleModel['action']['kind'];
  readonly backends: readonly { readonly cluster: string | null; readonly weight: number }[];
}

export interface GatewayView {
  readonly id: string;
  readonly listeners: readonly {
    readonly name: string;
    readonly port: number;
    readonly hosts: readonly { readonly hostname: string; readonly routes: readonly RouteView[] }[];
  }[];
}

export interface ProxyView {
  readonly node: string;
  readonly role: string;
  readonly workload: string;
  readonly namespace: string;
  readonly zone: string;
  readonly connected: boolean;
  readonly connectedAtMs: number;
  readonly lastSeenAtMs: number;
  readonly userAgent: string;
  /** Weft's version; empty: another proxy. */
  readonly weft: string;
  /** `host:port` of its admin interface; empty: it did not say. */
  readonly admin: string;
  readonly variant: string;
  readonly types: readonly TypeView[];
  readonly nacks: readonly Nack[];
  readonly notes: readonly string[];
}

export interface TypeView extends AdsTypeStatus {
  /** When the newest version was acknowledged; 0: never. */
  readonly ackedAtMs: number;
}

export function createMeshView(plane: ControlPlane): MeshView {
  const { model } = plane.built;
  const objects = listObjects(plane);
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
      listeners: sockets.map(({ name, port, hosts }) => ({
        name,
        port,
        hosts: hosts.map(({ hostname, rules }) => ({
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

/** Statuses with what the proxies had to say. */
function listObjects(plane: ControlPlane): readonly ObjectStatus[] {
  const { model, book } = plane.built;
  const nacked = plane.nacks.conditions(model);
  return reportObjects(plane.catalog.entries(), book).map((status) => {
    const more: readonly Condition[] = nacked.get(status.key) ?? [];
    return more.length === 0 ? status : { ...status, conditions: [...status.conditions, ...more] };
  });
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
  const streams = new Map(plane.adsServer.status().map((stream) => [stream.node?.id ?? '', stream]));
  return plane.proxies.list().map((proxy) => {
    const { node, entry } = proxy;
    const stream = streams.get(node.id);
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
      variant: stream?.variant ?? '',
      types: (stream?.types ?? []).map((type) => ({ ...type, ackedAtMs: takenAt(proxy, type.typeUrl) })),
      nacks: plane.nacks.of(node.id),
      notes: entry.notes,
    };
  });
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
