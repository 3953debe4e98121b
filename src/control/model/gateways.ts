// Gateways of our class: listeners gathered by port, routes attached where the listener's host name, namespaces and
// kinds allow.

import { gatewayClassName, gatewayController } from '../schema/gateway.ts';
import type { ParentRef } from '../schema/parent-ref.ts';
import type { GatewayObject, TcpRouteObject, TlsRouteObject, UdpRouteObject } from '../schema/resources.ts';
import type { CertificateStore } from './certificates.ts';
import { covers, intersectHosts } from './hosts.ts';
import { nameOf, type ResourceIndex } from './index-resources.ts';
import { type AttachedRules, type OpenListener, openListener, PortClaims } from './listeners.ts';
import { NamespaceLabels } from './namespaces.ts';
import type { ReadRoute } from './rules.ts';
import { closeSocket, type OpenSocket } from './sockets.ts';
import { type ConditionBook, itself, type Refusal, type Subject } from './status.ts';
import type { GatewayModel, RuleModel, StreamChain } from './types.ts';

interface OpenGateway {
  readonly object: GatewayObject;
  readonly listeners: readonly OpenListener[];
  readonly sockets: readonly OpenSocket[];
}

/** null: attached; a refusal; or somebody else's affair. */
export type Attachment = Refusal | 'foreign' | null;

type GatewayRoute = ReadRoute | TlsRouteObject | TcpRouteObject | UdpRouteObject;

const noCommonHost: Refusal = {
  reason: 'NoMatchingListenerHostname',
  message: 'no listener there has one of its host names',
};

/** Of the Gateway that is meant. */
function idOf({ metadata }: GatewayRoute, { namespace = metadata.namespace, name }: ParentRef): string {
  return `${namespace}/${name}`;
}

function isList(found: readonly OpenListener[] | Refusal | 'foreign'): found is readonly OpenListener[] {
  return Array.isArray(found);
}

export class GatewayBuilder {
  private readonly gateways = new Map<string, OpenGateway>();
  /** Of other controllers: what is attached to them is theirs to judge. */
  private readonly foreign = new Set<string>();

  private readonly namespaces: NamespaceLabels;

  constructor(index: ResourceIndex, store: CertificateStore, book: ConditionBook) {
    this.namespaces = new NamespaceLabels(index);
    const classes = new Set([gatewayClassName]);
    for (const one of index.all('GatewayClass'))
      if (one.spec.controllerName === gatewayController) classes.add(one.metadata.name);
    for (const gateway of index.all('Gateway')) {
      if (classes.has(gateway.spec.gatewayClassName))
        this.gateways.set(nameOf(gateway), openGateway(gateway, store, book));
      else {
        this.foreign.add(nameOf(gateway));
        book.refuse(
          gateway.key,
          itself,
          'Pending',
          `class ${gateway.spec.gatewayClassName} belongs to somebody else`,
        );
      }
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
      if (isContested(listener, hosts, route.kind)) {
        contested = true;
        continue;
      }
      for (const [written, host] of common) {
        addRules(listener.hosts, host, { written, rules });
        listener.kinds.set(host, route.kind);
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
  ): Attachment {
    const allowed = this.findListeners(route, parent);
    if (!isList(allowed)) return allowed;
    const written = route.kind === 'TLSRoute' ? route.spec.hostnames : [];
    const all = this.gateways.get(idOf(route, parent))?.listeners ?? [];
    let attachedTo = 0;
    let taken = '';
    for (const listener of allowed) {
      const others = all.filter((one) => one !== listener && one.listener.port === listener.listener.port);
      for (const [, host] of intersectHosts(listener.hostname, written)) {
        if (others.some(({ hostname }) => hostname === host)) {
          taken = host;
          continue;
        }
        if (![listener, ...others].some(({ streams }) => streams.has(host)))
          listener.streams.set(host, { owner: route.key, backends });
        listener.routes.add(route.key);
        attachedTo++;
      }
    }
    if (attachedTo > 0) return null;
    return taken === ''
      ? noCommonHost
      : { ...noCommonHost, message: `another listener of the same port is the one for ${taken}` };
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
    const gateway = this.gateways.get(id);
    if (gateway === undefined && this.foreign.has(id)) return 'foreign';
    if (gateway === undefined)
      return {
        reason: 'NoMatchingParent',
        message: `there is no Gateway ${id} of class ${gatewayClassName}`,
      };
    const named = gateway.listeners.filter(
      ({ listener }) =>
        (parent.sectionName === undefined || parent.sectionName === listener.name) &&
        (parent.port === undefined || parent.port === listener.port),
    );
    if (named.length === 0)
      return { reason: 'NoMatchingParent', message: `Gateway ${id} has no such listener in force` };
    const allowed = named.filter((listener) => mayAttach(gateway.object, listener, route, this.namespaces));
    if (allowed.length > 0) return allowed;
    return {
      reason: 'NotAllowedByListeners',
      message: `no listener of ${id} takes routes of this kind from here`,
    };
  }

  build(): ReadonlyMap<string, GatewayModel> {
    const models = new Map<string, GatewayModel>();
    for (const [id, { object, sockets, listeners }] of this.gateways) {
      const { namespace, name } = object.metadata;
      models.set(id, {
        id,
        key: object.key,
        namespace,
        name,
        sockets: sockets.map(closeSocket),
        listeners: listeners.map(({ listener, routes }) => ({
          name: listener.name,
          attachedRoutes: routes.size,
        })),
      });
    }
    return models;
  }
}

function openGateway(object: GatewayObject, store: CertificateStore, book: ConditionBook): OpenGateway {
  if (object.spec.infrastructure?.parametersRef !== undefined) {
    const message = 'infrastructure.parametersRef: there are no parameters of its kind';
    book.refuse(object.key, itself, 'InvalidParameters', message);
    return { object, listeners: [], sockets: [] };
  }
  const sockets = new Map<number, OpenSocket>();
  const listeners: OpenListener[] = [];
  const claims = new PortClaims();
  for (const listener of object.spec.listeners) {
    const about: Subject = { of: 'listener', gateway: object.key, name: listener.name };
    if (listener.faults.length > 0) {
      book.refuse(object.key, about, 'Invalid', 'cannot be served as it is written');
      continue;
    }
    const refusal = claims.judge(listener);
    if (refusal !== null) {
      book.refuse(object.key, about, refusal.reason, refusal.message);
      continue;
    }
    const name = `gateway/${nameOf(object)}/${listener.name}`;
    const socket = sockets.get(listener.port) ?? { name, port: listener.port, listeners: [] };
    sockets.set(listener.port, socket);
    const open = openListener(object, listener, name, store, book);
    socket.listeners.push(open);
    listeners.push(open);
    if (open.tls?.clients?.authorities === '')
      book.refuse(
        object.key,
        about,
        'NoValidCACertificate',
        'nobody can be told from anybody by its authorities',
      );
    else book.accept(object.key, about);
  }
  if (listeners.some(({ tls }) => tls?.clients?.optional === true))
    book.add(object.key, {
      type: 'InsecureFrontendValidationMode',
      status: 'True',
      reason: 'ConfigurationChanged',
      message: 'clients are let in whose certificate is not sound, or who show none',
      subject: itself,
    });
  if (object.spec.tls?.backend?.clientCertificateRef !== undefined)
    book.add(object.key, {
      type: 'PartiallyInvalid',
      status: 'True',
      reason: 'UnsupportedValue',
      message:
        'tls.backend.clientCertificateRef is not supported yet by this version: pods are shown no certificate',
      subject: itself,
    });
  if (listeners.length > 0) book.accept(object.key, itself);
  else book.refuse(object.key, itself, 'ListenersNotValid', 'none of its listeners can be served');
  return { object, listeners, sockets: [...sockets.values()] };
}

function mayAttach(
  gateway: GatewayObject,
  { listener, carries }: OpenListener,
  route: GatewayRoute,
  labels: NamespaceLabels,
): boolean {
  const { namespaces, kinds } = listener.allowedRoutes;
  if (!carries.includes(route.kind)) return false;
  if (kinds.length > 0 && !kinds.some((kind) => isKind(kind, route.kind))) return false;
  const { namespace } = route.metadata;
  switch (namespaces.from) {
    case 'All':
      return true;
    case 'Same':
      return gateway.metadata.namespace === namespace;
    case 'Selector':
      return namespaces.selector !== undefined && labels.matches(namespaces.selector, namespace);
    case 'None':
      return false;
  }
}

function isKind(
  { group, kind }: { readonly group?: string | undefined; readonly kind: string },
  wanted: string,
): boolean {
  return kind === wanted && (group ?? gatewayGroup) === gatewayGroup;
}

const gatewayGroup = 'gateway.networking.k8s.io';

/** HTTPRoutes and GRPCRoutes do not share a host name of a listener: the older one has it (GRPCRouteSpec.hostnames). */
function isContested({ kinds }: OpenListener, hosts: readonly string[], kind: string): boolean {
  return [...kinds].some(
    ([taken, other]) => other !== kind && hosts.some((host) => covers(taken, host) || covers(host, taken)),
  );
}

function addRules(hosts: OpenListener['hosts'], host: string, added: AttachedRules): void {
  const list = hosts.get(host);
  if (list === undefined) hosts.set(host, [added]);
  else if (!list.some((one) => one.rules === added.rules)) list.push(added);
}
