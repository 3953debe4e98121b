// A port of a Gateway with all that was attached to its listeners, closed into the chains that proxies play.

import type { ClientTrust } from './client-trust.ts';
import { compareExactness, covers } from './hosts.ts';
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
  const chains: GatewayChain[] = plain.length > 0 ? [plainChain(name, plain)] : [];
  for (const one of rest)
    chains.push(...(one.listener.protocol === 'HTTPS' ? [secureChain(one, rest)] : streamChains(one)));
  return { name, port, chains, trust };
}

/**
 * A request belongs to the listener with the most exact host name and to no other (Gateway API, listener isolation).
 */
function plainChain(name: string, listeners: readonly OpenListener[]): HttpChain {
  const hosts = new Map<string, readonly RuleModel[]>();
  for (const one of listeners) {
    const narrower = listeners.filter((other) => other !== one && covers(one.hostname, other.hostname));
    for (const host of new Set([one.hostname, ...one.hosts.keys()]))
      if (!narrower.some((other) => covers(other.hostname, host))) hosts.set(host, rulesFor(host, one.hosts));
  }
  return { kind: 'http', name, serverNames: [], tls: null, hosts: listHosts(hosts), misdirected: [] };
}

/** Its connection was for its own names, so a request for those of another listener has come the wrong way. */
function secureChain(one: OpenListener, listeners: readonly OpenListener[]): HttpChain {
  const narrower = listeners
    .filter((other) => other !== one && covers(one.hostname, other.hostname))
    .map(({ hostname }) => hostname);
  const hosts = new Map<string, readonly RuleModel[]>();
  for (const host of new Set([one.hostname, ...one.hosts.keys()]))
    if (!narrower.some((other) => covers(other, host))) hosts.set(host, rulesFor(host, one.hosts));
  const misdirected = [...new Set(narrower)].filter((host) => !hosts.has(host));
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
