// Listener filters and filter chain matches to what happens between accept and a session.

import { createIpRange, type IpRange } from '../../../base/index.ts';
import type { PortRule, ProxyRule, SkippedFilters } from '../entry-types.ts';
import {
  type Faults,
  type filterChainMatch,
  httpInspector,
  join,
  type listener,
  type listenerPredicate,
  type MessageOf,
  type MessageSpec,
  originalDst,
  proxyProtocol,
  tcpProxy,
  tlsInspector,
  unpack,
} from '../schema/index.ts';
import type { ChainMatch, EntryConfig } from '../types.ts';
import { translateTlvs } from './proxy-header.ts';

type ListenerMessage = MessageOf<typeof listener>;
type MatchMessage = MessageOf<typeof filterChainMatch>;
type Ranges = MatchMessage['prefix_ranges'];

const timeoutMs = 15_000;
const proxyNamespace = 'envoy.filters.listener.proxy_protocol';
const versions = [1, 2] as const;

/**
 * `chains` and `otherwise` name the listeners that the chains became. null: there is nothing to read and nothing to
 * choose.
 */
export function translateEntry(
  message: ListenerMessage,
  chains: readonly string[],
  otherwise: string | null,
  path: string,
  faults: Faults,
): EntryConfig | null {
  const matches = message.filter_chains.map(({ filter_chain_match }, index) =>
    translateMatch(filter_chain_match, `${join(path, 'filter_chains')}[${index}].filter_chain_match`, faults),
  );
  checkDistinct(matches, path, faults);
  const filters = message.listener_filters.map(({ typed_config }, index) => {
    if (typed_config === undefined)
      faults.add(`${join(path, 'listener_filters')}[${index}].typed_config`, 'must be set');
    return typed_config;
  });
  const has = (spec: Parameters<typeof unpack>[1]) => filters.some((filter) => unpack(filter, spec) !== null);
  const proxy = filters.map((filter) => unpack(filter, proxyProtocol)).find((filter) => filter !== null);
  const skipped = translateSkipped(message, path, faults);
  const inspectors = filters.flatMap((filter) => unpack(filter, tlsInspector) ?? []);
  const ja3 = inspectors.some(({ enable_ja3_fingerprinting }) => enable_ja3_fingerprinting === true);
  const ja4 = inspectors.some(({ enable_ja4_fingerprinting }) => enable_ja4_fingerprinting === true);
  const fingerprints = ja3 || ja4 ? { ja3, ja4 } : null;
  // Of one chain alone nothing is to be chosen: who asks for the name is its network filters, and logs of tunnels.
  const namesAsked = has(tlsInspector) && message.filter_chains.some(readsName);
  const single = chains.length === 1 && otherwise === null && matches.every(isUnlimited);
  const handsOver = message.use_original_dst === true;
  if (single && proxy === undefined && !handsOver && fingerprints === null && !namesAsked) return null;
  return {
    skipped,
    proxyProtocol: readProxyProtocol(proxy),
    proxyVersions: versions.filter((version) => proxy?.disallowed_versions.includes(`V${version}`) !== true),
    proxyTlvs: translateTlvs(proxy?.pass_through_tlvs),
    proxyRules: translateRules(proxy?.rules ?? []),
    originalDestination: handsOver || has(originalDst),
    handsOver,
    inspectTls: namesAsked || fingerprints !== null || (!single && has(tlsInspector)),
    fingerprints,
    inspectHttp: !single && has(httpInspector),
    timeoutMs: message.listener_filters_timeout ?? timeoutMs,
    continueOnTimeout: message.continue_on_listener_filters_timeout ?? false,
    chains: chains.map((name, index) => ({ match: matches[index] ?? unlimited, listener: name })),
    otherwise,
  };
}

function readsName({ filters }: ListenerMessage['filter_chains'][number]): boolean {
  const logs = unpack(filters.at(-1)?.typed_config, tcpProxy)?.access_log.length ?? 0;
  return filters.length > 1 || logs > 0;
}

/** As Envoy: a type has one rule, the last. */
function translateRules(messages: MessageOf<typeof proxyProtocol>['rules']): readonly ProxyRule[] {
  const rules = new Map<number, ProxyRule>();
  for (const { tlv_type: type = 0, on_tlv_present: target } of messages)
    if (target !== undefined)
      rules.set(type, {
        type,
        namespace: target.metadata_namespace || proxyNamespace,
        key: target.key ?? '',
      });
  return [...rules.values()];
}

function readProxyProtocol(
  filter: MessageOf<typeof proxyProtocol> | null | undefined,
): EntryConfig['proxyProtocol'] {
  if (filter === null || filter === undefined) return 'no';
  return filter.allow_requests_without_proxy_protocol === true ? 'optional' : 'required';
}

const filterNames = [
  ['proxyProtocol', proxyProtocol],
  ['originalDestination', originalDst],
  ['inspectTls', tlsInspector],
  ['inspectHttp', httpInspector],
] as const;

/** A filter that stands there twice is left out where both are. */
function translateSkipped(
  { listener_filters }: ListenerMessage,
  path: string,
  faults: Faults,
): SkippedFilters | null {
  const rules = listener_filters.map(({ filter_disabled }, index) =>
    filter_disabled === undefined
      ? null
      : translatePredicate(
          filter_disabled,
          `${join(path, 'listener_filters')}[${index}].filter_disabled`,
          faults,
        ),
  );
  if (rules.every((rule) => rule === null)) return null;
  const of = (spec: (typeof filterNames)[number][1]): PortRule | null => {
    const own = rules.filter(
      (_, at) => unpack(listener_filters[at]?.typed_config, spec as MessageSpec) !== null,
    );
    const some = own.filter((rule) => rule !== null);
    return some.length === 0 || some.length < own.length ? null : { kind: 'and', rules: some };
  };
  const [proxy, original, tls, http] = filterNames.map(([, spec]) => of(spec));
  return {
    proxyProtocol: proxy ?? null,
    originalDestination: original ?? null,
    inspectTls: tls ?? null,
    inspectHttp: http ?? null,
  };
}

function translatePredicate(
  message: MessageOf<typeof listenerPredicate>,
  path: string,
  faults: Faults,
): PortRule {
  const { and_match, any_match, destination_port_range: range, not_match, or_match } = message;
  if (any_match === true) return { kind: 'any' };
  if (not_match !== undefined)
    return { kind: 'not', rule: translatePredicate(not_match, join(path, 'not_match'), faults) };
  if (range !== undefined) {
    const { end = 0, start = 0 } = range;
    if (start >= end)
      faults.add(join(path, 'destination_port_range'), 'must have a start below its end', start);
    return { kind: 'range', start, end };
  }
  const [kind, set] = and_match === undefined ? (['or', or_match] as const) : (['and', and_match] as const);
  if (set === undefined) {
    faults.add(path, 'must have one of or_match, and_match, not_match, any_match, destination_port_range');
    return { kind: 'any' };
  }
  const at = join(path, `${kind}_match.rules`);
  if (set.rules.length < 2) faults.add(at, 'must be at least two');
  return { kind, rules: set.rules.map((rule, index) => translatePredicate(rule, `${at}[${index}]`, faults)) };
}

const unlimited: ChainMatch = {
  destinationPort: null,
  destinationPrefixes: [],
  serverNames: [],
  transport: '',
  protocols: [],
  directPrefixes: [],
  sourceType: 'any',
  sourcePrefixes: [],
  sourcePorts: [],
};

const sourceTypes = { ANY: 'any', SAME_IP_OR_LOOPBACK: 'local', EXTERNAL: 'external' } as const;

function translateMatch(match: MatchMessage | undefined, path: string, faults: Faults): ChainMatch {
  if (match === undefined) return unlimited;
  return {
    destinationPort: match.destination_port ?? null,
    destinationPrefixes: translateRanges(match.prefix_ranges, join(path, 'prefix_ranges'), faults),
    serverNames: translateNames(match.server_names, join(path, 'server_names'), faults),
    transport: match.transport_protocol ?? '',
    protocols: match.application_protocols,
    directPrefixes: translateRanges(
      match.direct_source_prefix_ranges,
      join(path, 'direct_source_prefix_ranges'),
      faults,
    ),
    sourceType: sourceTypes[match.source_type ?? 'ANY'],
    sourcePrefixes: translateRanges(match.source_prefix_ranges, join(path, 'source_prefix_ranges'), faults),
    sourcePorts: match.source_ports,
  };
}

function translateRanges(ranges: Ranges, path: string, faults: Faults): readonly IpRange[] {
  return ranges.flatMap(({ address_prefix, prefix_len }, index) => {
    const prefix = createIpRange(address_prefix ?? '', prefix_len ?? 0);
    if (prefix !== null) return [prefix];
    faults.add(
      `${path}[${index}]`,
      'must be an IP address and a length within it',
      `${address_prefix}/${prefix_len}`,
    );
    return [];
  });
}

function translateNames(names: readonly string[], path: string, faults: Faults): readonly string[] {
  return names.map((name, index) => {
    if (name === '' || name.slice(1).includes('*') || (name[0] === '*' && name[1] !== '.'))
      faults.add(`${path}[${index}]`, 'must be a name, or *. and a name', name);
    return name.toLowerCase();
  });
}

function isUnlimited(match: ChainMatch): boolean {
  return JSON.stringify(describe(match)) === JSON.stringify(describe(unlimited));
}

/** As Envoy: two chains that match the same are a mistake of the author. */
function checkDistinct(matches: readonly ChainMatch[], path: string, faults: Faults): void {
  const seen = new Map<string, number>();
  matches.forEach((match, index) => {
    const key = JSON.stringify(describe(match));
    const before = seen.get(key);
    if (before !== undefined)
      faults.add(
        `${join(path, 'filter_chains')}[${index}].filter_chain_match`,
        `must differ from that of chain ${before}`,
      );
    seen.set(key, index);
  });
}

function describe(match: ChainMatch): unknown {
  const ranges = (prefixes: readonly IpRange[]) =>
    prefixes.map(({ bytes, prefixBits }) => `${bytes.join('.')}/${prefixBits}`);
  return {
    ...match,
    destinationPrefixes: ranges(match.destinationPrefixes),
    directPrefixes: ranges(match.directPrefixes),
    sourcePrefixes: ranges(match.sourcePrefixes),
  };
}
