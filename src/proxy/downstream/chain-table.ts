// Which filter chain a connection belongs to, by Envoy's rule (FilterChainMatch): one criterion after the other in a
// fixed order, and at each one only the chains with the most specific value that fits stay. There is no way back: a
// chain that fits worse at an earlier criterion loses, even if the rest of the winner then fits nothing.

import { type IpRange, parseIp, rangeHas } from '../../base/index.ts';
import type { Address } from '../../net/index.ts';
import type { HelloFingerprints, MetadataMap } from '../../observe/index.ts';
import type { Tlv } from '../../wire/proxy-protocol/index.ts';
import type { ChainMatch, EntryConfig } from '../config/types.ts';

export interface ConnectionFacts {
  /** Who connects: the peer of the socket, or whom a PROXY header names. */
  source: Address;
  /** The peer of the socket. */
  readonly direct: Address;
  destination: Address;
  serverName: string | null;
  transport: 'raw_buffer' | 'tls';
  protocols: readonly string[];
  /** What a PROXY header had beyond its ends, as far as it may be passed on. */
  tlvs: readonly Tlv[];
  fingerprints: HelloFingerprints | null;
  metadata: MetadataMap | null;
}

/** How well a chain fits: -1 not at all, 0 because it does not say, more the more exactly it says so. */
type Criterion = (match: ChainMatch, facts: ConnectionFacts) => number;

const criteria: readonly Criterion[] = [
  ({ destinationPort }, { destination }) =>
    destinationPort === null ? 0 : destination.kind === 'ip' && destination.port === destinationPort ? 1 : -1,
  ({ destinationPrefixes }, { destination }) => scorePrefixes(destinationPrefixes, destination),
  ({ serverNames }, { serverName }) => scoreNames(serverNames, serverName),
  ({ transport }, facts) => (transport === '' ? 0 : transport === facts.transport ? 1 : -1),
  ({ protocols }, facts) =>
    protocols.length === 0 ? 0 : facts.protocols.some((protocol) => protocols.includes(protocol)) ? 1 : -1,
  ({ directPrefixes }, { direct }) => scorePrefixes(directPrefixes, direct),
  ({ sourceType }, facts) =>
    sourceType === 'any' ? 0 : (sourceType === 'local') === isLocal(facts) ? 1 : -1,
  ({ sourcePrefixes }, { source }) => scorePrefixes(sourcePrefixes, source),
  ({ sourcePorts }, { source }) =>
    sourcePorts.length === 0 ? 0 : source.kind === 'ip' && sourcePorts.includes(source.port) ? 1 : -1,
];

/** The name of the chain's listener, or null: there is none for it. */
export function findChain({ chains, otherwise }: EntryConfig, facts: ConnectionFacts): string | null {
  let candidates = chains;
  for (const score of criteria) {
    if (candidates.length === 0) break;
    const scores = candidates.map(({ match }) => score(match, facts));
    const best = Math.max(...scores);
    candidates = best < 0 ? [] : candidates.filter((_, at) => scores[at] === best);
  }
  return candidates[0]?.listener ?? otherwise;
}

function scorePrefixes(prefixes: readonly IpRange[], address: Address): number {
  if (prefixes.length === 0) return 0;
  const bytes = address.kind === 'ip' ? parseIp(address.host) : null;
  if (bytes === null) return -1;
  let best = -1;
  for (const prefix of prefixes) if (rangeHas(prefix, bytes)) best = Math.max(best, prefix.prefixBits + 1);
  return best;
}

function scoreNames(names: readonly string[], serverName: string | null): number {
  if (names.length === 0) return 0;
  if (serverName === null) return -1;
  let best = -1;
  for (const name of names) {
    if (name === serverName) return Number.MAX_SAFE_INTEGER;
    if (name.startsWith('*.') && serverName.endsWith(name.slice(1))) best = Math.max(best, name.length);
  }
  return best;
}

/** From this machine: the same address at both ends, or loopback, of which Envoy takes the first address alone. */
function isLocal({ source, destination }: ConnectionFacts): boolean {
  if (source.kind === 'unix') return true;
  if (source.host === '127.0.0.1' || source.host === '::1') return true;
  return destination.kind === 'ip' && destination.host === source.host;
}
