// Gateways of our class: listeners gathered by port, routes attached where the listener's host name, namespaces and
// kinds allow.

import { type GatewayListener, gatewayClassName, gatewayController } from '../schema/gateway.ts';
import type { ParentRef } from '../schema/parent-ref.ts';
import type { GatewayObject } from '../schema/resources.ts';
import { compareText, nameOf, type ResourceIndex } from './index-resources.ts';
import { NamespaceLabels } from './namespaces.ts';
import { sortByPrecedence } from './precedence.ts';
import type { ReadRoute } from './rules.ts';
import { type ConditionBook, itself, type Refusal, type Subject } from './status.ts';
import type { GatewayModel, GatewaySocket, RuleModel } from './types.ts';

interface OpenListener {
  readonly listener: GatewayListener;
  readonly routes: Set<string>;
  /** What kind of route has a host name. */
  readonly kinds: Map<string, ReadRoute['kind']>;
  /** `*` for any. */
  readonly hostname: string;
  /** What routes brought, by the host name both sides speak of. */
  readonly hosts: Map<string, AttachedRules[]>;
}

/** Rules of one route under one of its host names. */
interface AttachedRules {
  /** As the route wrote it; `*` where it wrote none. */
  readonly written: string;
  readonly rules: readonly RuleModel[];
}

interface OpenSocket {
  readonly name: string;
  readonly port: number;
  readonly listeners: OpenListener[];
}

interface OpenGateway {
  readonly object: GatewayObject;
  readonly listeners: readonly OpenListener[];
  readonly sockets: readonly OpenSocket[];
}

export class GatewayBuilder {
  readonly #gateways = new Map<string, OpenGateway>();
  /** Of other controllers: what is attached to them is theirs to judge. */
  readonly #foreign = new Set<string>();

  readonly #namespaces: NamespaceLabels;

  constructor(index: ResourceIndex, book: ConditionBook) {
    this.#namespaces = new NamespaceLabels(index);
    const classes = new Set([gatewayClassName]);
    for (const one of index.all('GatewayClass'))
      if (one.spec.controllerName === gatewayController) classes.add(one.metadata.name);
    for (const gateway of index.all('Gateway')) {
      if (classes.has(gateway.spec.gatewayClassName))
        this.#gateways.set(nameOf(gateway), openGateway(gateway, book));
      else {
        this.#foreign.add(nameOf(gateway));
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
  attach(route: ReadRoute, parent: ParentRef, rules: readonly RuleModel[]): Refusal | 'foreign' | null {
    const id = `${parent.namespace ?? route.metadata.namespace}/${parent.name}`;
    const gateway = this.#gateways.get(id);
    if (gateway === undefined && this.#foreign.has(id)) return 'foreign';
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
    const allowed = named.filter(({ listener }) =>
      mayAttach(gateway.object, listener, route, this.#namespaces),
    );
    if (allowed.length === 0)
      return { reason: 'NotAllowedByListeners', message: `no listener of ${id} takes routes from here` };
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
    if (contested)
      return {
        reason: 'NotAllowedByListeners',
        message: `an older route of another kind has one of its host names at ${id}`,
      };
    return {
      reason: 'NoMatchingListenerHostname',
      message: `no listener of ${id} has one of its host names`,
    };
  }

  build(): ReadonlyMap<string, GatewayModel> {
    const models = new Map<string, GatewayModel>();
    for (const [id, { object, sockets, listeners }] of this.#gateways) {
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

function openGateway(object: GatewayObject, book: ConditionBook): OpenGateway {
  const sockets = new Map<number, OpenSocket>();
  const listeners: OpenListener[] = [];
  const claimed = new Set<string>();
  for (const listener of object.spec.listeners) {
    const about: Subject = { of: 'listener', gateway: object.key, name: listener.name };
    if (listener.faults.length > 0) {
      book.refuse(object.key, about, 'Invalid', 'cannot be served as it is written');
      continue;
    }
    const refusal = judgeListener(listener, claimed);
    if (refusal !== null) {
      book.refuse(object.key, about, refusal.reason, refusal.message);
      continue;
    }
    const name = `gateway/${nameOf(object)}/${listener.name}`;
    const socket = sockets.get(listener.port) ?? { name, port: listener.port, listeners: [] };
    sockets.set(listener.port, socket);
    const open = {
      listener,
      routes: new Set<string>(),
      kinds: new Map<string, ReadRoute['kind']>(),
      hostname: listener.hostname ?? '*',
      hosts: new Map(),
    };
    socket.listeners.push(open);
    listeners.push(open);
    book.accept(object.key, about);
  }
  if (listeners.length > 0) book.accept(object.key, itself);
  else book.refuse(object.key, itself, 'ListenersNotValid', 'none of its listeners can be served');
  return { object, listeners, sockets: [...sockets.values()] };
}

function judgeListener(listener: GatewayListener, claimed: Set<string>): Refusal | null {
  if (listener.protocol !== 'HTTP')
    return {
      reason: 'UnsupportedProtocol',
      message: `protocol ${listener.protocol} is not supported yet by this version`,
    };
  const slot = `${listener.port} ${listener.hostname ?? '*'}`;
  if (claimed.has(slot))
    return { reason: 'HostnameConflict', message: 'another listener has this port and host name' };
  claimed.add(slot);
  return null;
}

function mayAttach(
  gateway: GatewayObject,
  listener: GatewayListener,
  route: ReadRoute,
  labels: NamespaceLabels,
): boolean {
  const { namespaces, kinds } = listener.allowedRoutes;
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

/**
 * Of each host name of a route the one that the listener speaks of too, behind what was written; `*` stands for any.
 */
export function intersectHosts(
  listener: string,
  hostnames: readonly string[],
): readonly (readonly [written: string, common: string])[] {
  const common: (readonly [string, string])[] = [];
  for (const hostname of hostnames.length === 0 ? ['*'] : hostnames) {
    if (covers(listener, hostname)) common.push([hostname, hostname]);
    else if (covers(hostname, listener)) common.push([hostname, listener]);
  }
  return common;
}

function covers(wide: string, narrow: string): boolean {
  if (wide === narrow || wide === '*') return true;
  return wide.startsWith('*.') && narrow.endsWith(wide.slice(1)) && narrow.length > wide.length - 1;
}

/** HTTPRoutes and GRPCRoutes do not share a host name of a listener: the older one has it (GRPCRouteSpec.hostnames). */
function isContested({ kinds }: OpenListener, hosts: readonly string[], kind: ReadRoute['kind']): boolean {
  return [...kinds].some(
    ([taken, other]) => other !== kind && hosts.some((host) => covers(taken, host) || covers(host, taken)),
  );
}

function addRules(hosts: OpenListener['hosts'], host: string, added: AttachedRules): void {
  const list = hosts.get(host);
  if (list === undefined) hosts.set(host, [added]);
  else if (!list.some((one) => one.rules === added.rules)) list.push(added);
}

/**
 * A request belongs to the listener with the most exact host name and to no other (Gateway API, listener isolation).
 */
function closeSocket(socket: OpenSocket): GatewaySocket {
  const hosts = new Map<string, readonly RuleModel[]>();
  for (const one of socket.listeners) {
    const narrower = socket.listeners.filter(
      (other) => other !== one && covers(one.hostname, other.hostname),
    );
    for (const host of new Set([one.hostname, ...one.hosts.keys()]))
      if (!narrower.some((other) => covers(other.hostname, host))) hosts.set(host, rulesFor(host, one.hosts));
  }
  // Nothing was attached to a listener for any host: what then answers 404 is the table's own last entry.
  if (hosts.get('*')?.length === 0) hosts.delete('*');
  const sorted = [...hosts].sort(([a], [b]) => compareText(a, b));
  return {
    name: socket.name,
    port: socket.port,
    hosts: sorted.map(([hostname, rules]) => ({ hostname, rules })),
  };
}

/** Rules of wider host names hold too, behind those of more exact ones, by what the routes themselves wrote. */
function rulesFor(host: string, hosts: OpenListener['hosts']): readonly RuleModel[] {
  const groups = new Map<string, RuleModel[]>();
  for (const [common, attached] of hosts) {
    if (!covers(common, host)) continue;
    for (const { written, rules } of attached) {
      const group = groups.get(written) ?? [];
      groups.set(written, group);
      for (const rule of rules) if (!group.includes(rule)) group.push(rule);
    }
  }
  const sorted = [...groups].sort(([a], [b]) => compareExactness(a, b));
  return [...new Set(sorted.flatMap(([, rules]) => sortByPrecedence(rules)))];
}

/** Characters of a host name without a wildcard, then of any (Gateway API, HTTPRouteSpec.hostnames). */
function compareExactness(a: string, b: string): number {
  const precise = (host: string): number => (host.startsWith('*') ? 0 : host.length);
  const length = (host: string): number => (host === '*' ? 0 : host.length);
  return precise(b) - precise(a) || length(b) - length(a);
}
