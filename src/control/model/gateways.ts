// Gateways of our class and the ListenerSets that add to them: routes attached where a listener's host name, namespaces
// and kinds allow.

import { gatewayClassName } from '../schema/gateway.ts';
import type { ParentRef } from '../schema/parent-ref.ts';
import type {
  GatewayObject,
  ListenerSetObject,
  TcpRouteObject,
  TlsRouteObject,
  UdpRouteObject,
} from '../schema/resources.ts';
import type { CertificateStore } from './certificates.ts';
import { judgeClasses } from './controllers.ts';
import type { StreamClaims } from './host-claims.ts';
import { intersectHosts } from './hosts.ts';
import { nameOf, type ResourceIndex } from './index-resources.ts';
import type { AttachedRules, OpenListener } from './listeners.ts';
import { NamespaceLabels } from './namespaces.ts';
import { type OpenGateway, openGateway } from './open-gateway.ts';
import type { ReadRoute } from './rules.ts';
import { closeSocket } from './sockets.ts';
import { type ConditionBook, itself, type Refusal } from './status.ts';
import type { GatewayModel, RuleModel, StreamChain } from './types.ts';

/** What a route may name as its parent: a Gateway with its own listeners, or a ListenerSet with its. */
interface OpenParent {
  readonly gateway: OpenGateway;
  readonly listeners: readonly OpenListener[];
}

/** null: attached; a refusal; or somebody else's affair. */
export type Attachment = Refusal | 'foreign' | null;

/** `leftOut`: why some of its names are served by others, where some are its own. */
interface StreamAttachment {
  readonly attachment: Attachment;
  readonly leftOut: readonly string[];
}

type GatewayRoute = ReadRoute | TlsRouteObject | TcpRouteObject | UdpRouteObject;

const noCommonHost: Refusal = {
  reason: 'NoMatchingListenerHostname',
  message: 'no listener there has one of its host names',
};

/** Of the Gateway or the ListenerSet that is meant. */
function idOf({ metadata }: GatewayRoute, { namespace = metadata.namespace, name }: ParentRef): string {
  return `${namespace}/${name}`;
}

export function isGatewayParent({ group, kind }: ParentRef): boolean {
  return group === gatewayGroup && (kind === 'Gateway' || kind === 'ListenerSet');
}

function isList(found: readonly OpenListener[] | Refusal | 'foreign'): found is readonly OpenListener[] {
  return Array.isArray(found);
}

export class GatewayBuilder {
  private readonly gateways = new Map<string, OpenGateway>();
  /** By kind and name. */
  private readonly parents = new Map<string, OpenParent>();
  /** Of other controllers: what is attached to them is theirs to judge. By kind and name. */
  private readonly foreign = new Set<string>();
  private readonly namespaces: NamespaceLabels;
  /** By Gateway and port. */
  private readonly streams = new Map<string, StreamClaims>();

  constructor(index: ResourceIndex, store: CertificateStore, book: ConditionBook) {
    this.namespaces = new NamespaceLabels(index);
    const classes = judgeClasses(index, book);
    const sets = Map.groupBy(index.byAge('ListenerSet'), gatewayOf);
    const tools = { store, book, namespaces: this.namespaces };
    for (const gateway of index.all('Gateway')) {
      const id = nameOf(gateway);
      const { gatewayClassName: name } = gateway.spec;
      const refusal = classes.get(name);
      if (refusal !== undefined) this.add(id, openGateway(gateway, sets.get(id) ?? [], tools, refusal));
      else this.leave(gateway, sets.get(id) ?? [], `class ${name} belongs to somebody else`, book);
      sets.delete(id);
    }
    for (const [id, orphans] of sets)
      for (const set of orphans)
        book.refuse(set.key, itself, 'ParentNotAccepted', `there is no Gateway ${id}`);
  }

  private add(id: string, gateway: OpenGateway): void {
    this.gateways.set(id, gateway);
    const own = gateway.listeners.filter(({ source }) => source === gateway.object);
    this.parents.set(`Gateway ${id}`, { gateway, listeners: own });
    for (const { object, listeners } of gateway.sets)
      this.parents.set(`ListenerSet ${nameOf(object)}`, { gateway, listeners });
  }

  private leave(
    gateway: GatewayObject,
    sets: readonly ListenerSetObject[],
    why: string,
    book: ConditionBook,
  ): void {
    for (const one of [gateway, ...sets]) {
      this.foreign.add(`${one.kind} ${nameOf(one)}`);
      book.refuse(one.key, itself, 'Pending', why);
    }
  }

  /**
   * Null: attached to at least one listener. `foreign`: nothing is said of it, as Gateway API wants of parents that are
   * not one's own.
   */
  attach(route: ReadRoute, parent: ParentRef, rules: readonly RuleModel[]): Attachment {
    const allowed = this.findListeners(route, parent);
    if (!isList(allowed)) return allowed;
    let attachedTo = 0;
    let contested = false;
    for (const listener of allowed) {
      const common = intersectHosts(listener.hostname, route.spec.hostnames);
      const hosts = common.map(([, host]) => host);
      // HTTPRoutes and GRPCRoutes do not share a host name of a listener: the older has it (GRPCRouteSpec.hostnames).
      if (listener.kinds.isContested(hosts, route.kind)) {
        contested = true;
        continue;
      }
      for (const [written, host] of common) {
        addRules(listener.hosts, host, { written, rules });
        listener.kinds.take(host, route.kind);
        listener.routes.add(route.key);
        attachedTo++;
      }
    }
    if (attachedTo > 0) return null;
    return contested
      ? {
          reason: 'NotAllowedByListeners',
          message: 'an older route of another kind has one of its host names there',
        }
      : noCommonHost;
  }

  /**
   * Of several routes for one name, or on one port without names, the first has it; all of them are attached. A name
   * that another listener of the port is for is not given away: two chains for it, and proxies refuse the whole port.
   */
  attachStream(
    route: TlsRouteObject | TcpRouteObject,
    parent: ParentRef,
    backends: StreamChain['backends'],
  ): StreamAttachment {
    const allowed = this.findListeners(route, parent);
    if (!isList(allowed)) return { attachment: allowed, leftOut: [] };
    const written = route.kind === 'TLSRoute' ? route.spec.hostnames : [];
    const gateway = this.parents.get(`${parent.kind} ${idOf(route, parent)}`)?.gateway;
    const inForce = new Set<string>();
    const leftOut = new Map<string, string>();
    let attachedTo = 0;
    for (const listener of allowed) {
      const claims = this.streamClaims(gateway, listener.listener.port);
      for (const [, host] of intersectHosts(listener.hostname, written)) {
        // No two listeners of a port have one host name.
        if (host !== listener.hostname && claims.listeners.has(host)) {
          leftOut.set(host, `another listener of the same port is the one for ${host}`);
          continue;
        }
        if (claims.routes.has(host)) leftOut.set(host, `another route has ${host}`);
        else {
          listener.streams.set(host, { owner: route.key, backends });
          claims.routes.add(host);
          inForce.add(host);
        }
        listener.routes.add(route.key);
        attachedTo++;
      }
    }
    // A name may be left out at one listener and served at another.
    const lost = [...leftOut].filter(([host]) => !inForce.has(host)).map(([, why]) => why);
    if (attachedTo > 0) return { attachment: null, leftOut: inForce.size > 0 ? lost : [] };
    const [message] = leftOut.values();
    return { attachment: message === undefined ? noCommonHost : { ...noCommonHost, message }, leftOut: [] };
  }

  private streamClaims(gateway: OpenGateway | undefined, port: number): StreamClaims {
    const listeners = gateway?.listeners ?? [];
    const id = `${gateway?.object.key} ${port}`;
    const known = this.streams.get(id);
    if (known !== undefined) return known;
    const names = listeners.filter(({ listener }) => listener.port === port).map(({ hostname }) => hostname);
    const claims = { listeners: new Set(names), routes: new Set<string>() };
    this.streams.set(id, claims);
    return claims;
  }

  /** A route that no listener here can carry, whatever it asks for. */
  refuse(route: GatewayRoute, parent: ParentRef): Attachment {
    const allowed = this.findListeners(route, parent);
    return isList(allowed) ? noCommonHost : allowed;
  }

  private findListeners(
    route: GatewayRoute,
    parent: ParentRef,
  ): readonly OpenListener[] | Refusal | 'foreign' {
    const id = idOf(route, parent);
    const { kind } = parent;
    const found = this.parents.get(`${kind} ${id}`);
    if (found === undefined && this.foreign.has(`${kind} ${id}`)) return 'foreign';
    if (found === undefined) {
      const lacking = kind === 'Gateway' ? `of class ${gatewayClassName}` : 'whose Gateway takes it';
      return { reason: 'NoMatchingParent', message: `there is no ${kind} ${id} ${lacking}` };
    }
    const named = found.listeners.filter(
      ({ listener }) =>
        (parent.sectionName === undefined || parent.sectionName === listener.name) &&
        (parent.port === undefined || parent.port === listener.port),
    );
    if (named.length === 0)
      return { reason: 'NoMatchingParent', message: `${kind} ${id} has no such listener in force` };
    const allowed = named.filter((listener) => mayAttach(listener, route, this.namespaces));
    if (allowed.length > 0) return allowed;
    return {
      reason: 'NotAllowedByListeners',
      message: `no listener of ${id} takes routes of this kind from here`,
    };
  }

  /** Of the Gateways whose certificate for pods cannot be had: `namespace/name`. */
  get unproven(): ReadonlySet<string> {
    const all = [...this.gateways].filter(([, { identity }]) => identity === 'broken');
    return new Set(all.map(([id]) => id));
  }

  build(): ReadonlyMap<string, GatewayModel> {
    const models = new Map<string, GatewayModel>();
    for (const [id, { object, sockets, sets, identity, trust }] of this.gateways) {
      const { namespace, name } = object.metadata;
      models.set(id, {
        id,
        key: object.key,
        namespace,
        name,
        identity: identity === 'broken' ? null : identity,
        sockets: sockets.map((socket) => closeSocket(socket, trust)),
        listeners: countRoutes(this.parents.get(`Gateway ${id}`)?.listeners ?? []),
        sets: sets.map(({ object: { key }, accepted, listeners }) => ({
          key,
          accepted,
          listeners: countRoutes(listeners),
        })),
      });
    }
    return models;
  }
}

function countRoutes(listeners: readonly OpenListener[]): GatewayModel['listeners'] {
  return listeners.map(({ listener, routes }) => ({ name: listener.name, attachedRoutes: routes.size }));
}

/** That it names; a set of something else names none, and is told so as if that were not there. */
function gatewayOf({ metadata, spec: { parentRef } }: ListenerSetObject): string {
  const { group, kind, namespace = metadata.namespace, name } = parentRef;
  return group === gatewayGroup && kind === 'Gateway'
    ? `${namespace}/${name}`
    : `${kind} ${namespace}/${name}`;
}

function mayAttach(
  { source, listener, carries }: OpenListener,
  route: GatewayRoute,
  labels: NamespaceLabels,
): boolean {
  const { namespaces, kinds } = listener.allowedRoutes;
  if (!carries.includes(route.kind)) return false;
  if (kinds.length > 0 && !kinds.some((kind) => isKind(kind, route.kind))) return false;
  return labels.admits(namespaces, source.metadata.namespace, route.metadata.namespace);
}

function isKind(
  { group, kind }: { readonly group?: string | undefined; readonly kind: string },
  wanted: string,
): boolean {
  return kind === wanted && (group ?? gatewayGroup) === gatewayGroup;
}

const gatewayGroup = 'gateway.networking.k8s.io';

function addRules(hosts: OpenListener['hosts'], host: string, added: AttachedRules): void {
  const list = hosts.get(host);
  if (list === undefined) hosts.set(host, [added]);
  else if (!list.some((one) => one.rules === added.rules)) list.push(added);
}
