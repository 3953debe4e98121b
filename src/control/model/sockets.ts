// A port of a Gateway with all that was attached to its listeners, closed into the chains that proxies play.

import type { ClientTrust } from './client-trust.ts';
import { compareExactness, covers, widerThan } from './hosts.ts';
import { compareText } from './index-resources.ts';
import type { OpenListener } from './listeners.ts';
import { sortByPrecedence } from './precedence.ts';
import type { GatewayChain, GatewayHost, GatewaySocket, HttpChain, RuleModel, StreamChain } from './types.ts';

export interface OpenSocket {
  readonly name: string;
  readonly port: number;
  readonly listeners: OpenListener[];
}

export function closeSocket({ name, port, listeners }: OpenSocket, trust: ClientTrust): GatewaySocket {
  const plain = listeners.filter(({ listener }) => listener.protocol === 'HTTP');
  const rest = listeners.filter((one) => !plain.includes(one) && !one.broken);
  const names = namesOf(rest);
  const chains: GatewayChain[] = plain.length > 0 ? [plainChain(name, plain)] : [];
  for (const one of rest)
    chains.push(...(one.listener.protocol === 'HTTPS' ? [secureChain(one, names)] : streamChains(one)));
  return { name, port, chains, trust };
}

/**
 * A request belongs to the listener with the most exact host name and to no other (Gateway API, listener isolation).
 */
function plainChain(name: string, listeners: readonly OpenListener[]): HttpChain {
  const hosts = new Map<string, readonly RuleModel[]>();
  const names = namesOf(listeners);
  for (const one of listeners) for (const [host, rules] of hostsOf(one, names)) hosts.set(host, rules);
  return { kind: 'http', name, serverNames: [], tls: null, hosts: listHosts(hosts), misdirected: [] };
}

/** Its connection was for its own names, so a request for those of another listener has come the wrong way. */
function secureChain(one: OpenListener, names: ReadonlySet<string>): HttpChain {
  const hosts = hostsOf(one, names);
  const narrower = [...names].filter((name) => name !== one.hostname && covers(one.hostname, name));
  const misdirected = narrower.filter((host) => !hosts.has(host));
  if (one.hostname !== '*') misdirected.push('*');
  return {
    kind: 'http',
    name: one.name,
    serverNames: one.hostname === '*' ? [] : [one.hostname],
    tls: one.tls,
    hosts: listHosts(hosts),
    misdirected: misdirected.sort(compareText),
  };
}

function streamChains(one: OpenListener): readonly StreamChain[] {
  return [...one.streams]
    .sort(([a], [b]) => compareText(a, b))
    .map(([host, { owner, backends }]) => ({
      kind: 'stream',
      name: host === '*' ? one.name : `${one.name}/${host}`,
      serverNames: host === '*' ? [] : [host],
      tls: one.tls,
      owner,
      backends,
    }));
}

function listHosts(hosts: Map<string, readonly RuleModel[]>): readonly GatewayHost[] {
  // Nothing was attached to a listener for any host: what then answers 404 is the table's own last entry.
  if (hosts.get('*')?.length === 0) hosts.delete('*');
  const sorted = [...hosts].sort(([a], [b]) => compareText(a, b));
  return sorted.map(([hostname, rules]) => ({ hostname, rules }));
}

/** No two listeners of a port have one host name. */
function namesOf(listeners: readonly OpenListener[]): ReadonlySet<string> {
  return new Set(listeners.map(({ hostname }) => hostname));
}

/** Those of a listener, without what a narrower one of the port has; `names`: of all of these. */
function hostsOf(one: OpenListener, names: ReadonlySet<string>): Map<string, readonly RuleModel[]> {
  const places = new Map([...one.hosts.keys()].map((host, at) => [host, at]));
  const hosts = new Map<string, readonly RuleModel[]>();
  for (const host of new Set([one.hostname, ...one.hosts.keys()])) {
    const [closest] = [...widerThan(host)].filter((name) => names.has(name));
    if (closest === one.hostname) hosts.set(host, rulesFor(host, one.hosts, places));
  }
  return hosts;
}

/**
 * Rules of wider host names hold too, behind those of more exact ones, by what the routes themselves wrote. `places`:
 * where each host name stands in `hosts`, the order among equals.
 */
function rulesFor(
  host: string,
  hosts: OpenListener['hosts'],
  places: ReadonlyMap<string, number>,
): readonly RuleModel[] {
  const placeOf = (common: string): number => places.get(common) ?? 0;
  const commons = [...widerThan(host)].filter((common) => hosts.has(common));
  const groups = new Map<string, Set<RuleModel>>();
  for (const common of commons.sort((a, b) => placeOf(a) - placeOf(b))) {
    for (const { written, rules } of hosts.get(common) ?? []) {
      const group = groups.get(written) ?? new Set();
      groups.set(written, group);
      for (const rule of rules) group.add(rule);
    }
  }
  const sorted = [...groups].sort(([a], [b]) => compareExactness(a, b));
  return [...new Set(sorted.flatMap(([, rules]) => sortByPrecedence([...rules])))];
}
