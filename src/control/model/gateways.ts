// Gateways of our class: listeners gathered by port, routes attached where the listener's host name, namespaces and kinds allow.

import { type GatewayListener, gatewayClassName, gatewayController } from '../schema/gateway.ts';
import type { ParentRef } from '../schema/http-route.ts';
import type { GatewayObject, HttpRouteObject } from '../schema/resources.ts';
import { compareText, nameOf, type ResourceIndex } from './index-resources.ts';
import { sortByPrecedence } from './precedence.ts';
import { type ConditionBook, itself, type Refusal, type Subject } from './status.ts';
import type { GatewayModel, GatewaySocket, RuleModel } from './types.ts';

interface OpenListener {
  readonly listener: GatewayListener;
  readonly socket: OpenSocket;
}

interface OpenSocket {
  readonly name: string;
  readonly port: number;
  readonly hosts: Map<string, RuleModel[]>;
}

interface OpenGateway {
  readonly object: GatewayObject;
  readonly listeners: readonly OpenListener[];
  readonly sockets: readonly OpenSocket[];
}

export class GatewayBuilder {
  readonly #gateways = new Map<string, OpenGateway>();

  constructor(index: ResourceIndex, book: ConditionBook) {
    const classes = new Set([gatewayClassName]);
    for (const one of index.all('GatewayClass'))
      if (one.spec.controllerName === gatewayController) classes.add(one.metadata.name);
    for (const gateway of index.all('Gateway')) {
      if (classes.has(gateway.spec.gatewayClassName))
        this.#gateways.set(nameOf(gateway), openGateway(gateway, book));
      else
        book.refuse(
          gateway.key,
          itself,
          'Pending',
          `class ${gateway.spec.gatewayClassName} belongs to somebody else`,
        );
    }
  }

  /** Null: attached to at least one listener. */
  attach(route: HttpRouteObject, parent: ParentRef, rules: readonly RuleModel[]): Refusal | null {
    const id = `${parent.namespace ?? route.metadata.namespace}/${parent.name}`;
    const gateway = this.#gateways.get(id);
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
    const allowed = named.filter(({ listener }) => mayAttach(gateway.object, listener, route));
    if (allowed.length === 0)
      return { reason: 'NotAllowedByListeners', message: `no listener of ${id} takes routes from here` };
    let attachedTo = 0;
    for (const { listener, socket } of allowed) {
      for (const host of intersectHosts(listener.hostname, route.spec.hostnames)) {
        addRules(socket.hosts, host, rules);
        attachedTo++;
      }
    }
    if (attachedTo > 0) return null;
    return {
      reason: 'NoMatchingListenerHostname',
      message: `no listener of ${id} has one of its host names`,
    };
  }

  build(): ReadonlyMap<string, GatewayModel> {
    const models = new Map<string, GatewayModel>();
    for (const [id, { object, sockets }] of this.#gateways) {
      const { namespace, name } = object.metadata;
      models.set(id, { id, key: object.key, namespace, name, sockets: sockets.map(closeSocket) });
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
    const socket = sockets.get(listener.port) ?? { name, port: listener.port, hosts: new Map() };
    sockets.set(listener.port, socket);
    listeners.push({ listener, socket });
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

function mayAttach(gateway: GatewayObject, listener: GatewayListener, route: HttpRouteObject): boolean {
  const { namespaces, kinds } = listener.allowedRoutes;
  if (kinds.length > 0 && !kinds.some((one) => one.kind === 'HTTPRoute')) return false;
  if (namespaces.from === 'All') return true;
  return namespaces.from === 'Same' && gateway.metadata.namespace === route.metadata.namespace;
}

/** Host names that both sides speak of; `*` stands for any. */
export function intersectHosts(
  listener: string | undefined,
  hostnames: readonly string[],
): readonly string[] {
  if (hostnames.length === 0) return [listener ?? '*'];
  if (listener === undefined) return hostnames;
  const common: string[] = [];
  for (const hostname of hostnames) {
    if (covers(listener, hostname)) common.push(hostname);
    else if (covers(hostname, listener)) common.push(listener);
  }
  return common;
}

function covers(wide: string, narrow: string): boolean {
  if (wide === narrow) return true;
  return wide.startsWith('*.') && narrow.endsWith(wide.slice(1)) && narrow.length > wide.length - 1;
}

function addRules(hosts: Map<string, RuleModel[]>, host: string, rules: readonly RuleModel[]): void {
  const list = hosts.get(host);
  if (list === undefined) hosts.set(host, [...rules]);
  else for (const rule of rules) if (!list.includes(rule)) list.push(rule);
}

function closeSocket(socket: OpenSocket): GatewaySocket {
  const hosts = [...socket.hosts].map(([hostname, rules]) => ({ hostname, rules: sortByPrecedence(rules) }));
  hosts.sort((a, b) => compareText(a.hostname, b.hostname));
  return { name: socket.name, port: socket.port, hosts };
}
