// Tables: listener filters and what chooses a filter chain.

import { cidrRange, passThroughTlvs } from './core.ts';
import { atMost, f, forPeople, type MessageSpec, message, only, required } from './field.ts';
import { int32Range } from './rbac.ts';

export const originalDst = message('envoy.extensions.filters.listener.original_dst.v3.OriginalDst', {});

export const tlsInspector = message('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector', {
  enable_ja3_fingerprinting: f.boolValue(1, 'for %TLS_JA3_FINGERPRINT%'),
  enable_ja4_fingerprinting: f.boolValue(3, 'for %TLS_JA4_FINGERPRINT%'),
});

export const httpInspector = message('envoy.extensions.filters.listener.http_inspector.v3.HttpInspector', {});

const proxyHeaderMessage = 'envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol';

const proxyRule = message(`${proxyHeaderMessage}.Rule`, {
  tlv_type: f.uint32(1, '', atMost(255)),
  on_tlv_present: f.message(
    2,
    message(`${proxyHeaderMessage}.KeyValuePair`, {
      metadata_namespace: f.string(1, 'default envoy.filters.listener.proxy_protocol'),
      key: f.string(2, '', required),
    }),
  ),
});

export const proxyProtocol = message(proxyHeaderMessage, {
  rules: f.repeated(
    f.message(
      1,
      proxyRule,
      'into dynamic metadata of the connection (Envoy: of a tunnel’s log alone); of a type the last rule, the first TLV',
    ),
  ),
  allow_requests_without_proxy_protocol: f.bool(2),
  pass_through_tlvs: f.message(3, passThroughTlvs, 'to clusters that send a PROXY header'),
  disallowed_versions: f.repeated(f.enum(4, { V1: 0, V2: 1 })),
  stat_prefix: f.string(5, 'no effect'),
});

/** As it stands in Envoy: exactly one of them. */
interface Predicate {
  readonly or_match: PredicateSet | undefined;
  readonly and_match: PredicateSet | undefined;
  readonly not_match: Predicate | undefined;
  readonly any_match: boolean | undefined;
  readonly destination_port_range: { readonly start?: number; readonly end?: number } | undefined;
}

interface PredicateSet {
  readonly rules: readonly Predicate[];
}

export const listenerPredicate: MessageSpec<Predicate> = message(
  'envoy.config.listener.v3.ListenerFilterChainMatchPredicate',
  {
    or_match: f.later(1, (): MessageSpec<PredicateSet> => predicateSet),
    and_match: f.later(2, (): MessageSpec<PredicateSet> => predicateSet),
    not_match: f.later(3, (): MessageSpec<Predicate> => listenerPredicate),
    any_match: f.bool(4, 'true', only(true)),
    destination_port_range: f.message(5, int32Range, 'of the address that the connection came to'),
  },
  [['or_match', 'and_match', 'not_match', 'any_match', 'destination_port_range']],
) as unknown as MessageSpec<Predicate>;

const predicateSet = message('envoy.config.listener.v3.ListenerFilterChainMatchPredicate.MatchSet', {
  rules: f.repeated(f.later(1, (): MessageSpec<Predicate> => listenerPredicate)),
}) as unknown as MessageSpec<PredicateSet>;

export const listenerFilter = message('envoy.config.listener.v3.ListenerFilter', {
  name: f.string(1, forPeople),
  typed_config: f.any(
    3,
    [originalDst, tlsInspector, httpInspector, proxyProtocol],
    'read in this order: proxy_protocol, tls_inspector, http_inspector; what names tell rules and logs, TLS itself does too',
  ),
  filter_disabled: f.message(4, listenerPredicate, 'true: as if the filter were not there'),
});

export const filterChainMatch = message('envoy.config.listener.v3.FilterChainMatch', {
  destination_port: f.uint32Value(8, '', atMost(65_535)),
  prefix_ranges: f.repeated(f.message(3, cidrRange)),
  server_names: f.repeated(f.string(11)),
  transport_protocol: f.string(9, 'raw_buffer, tls', only('', 'raw_buffer', 'tls')),
  application_protocols: f.repeated(f.string(10)),
  source_type: f.enum(12, { ANY: 0, SAME_IP_OR_LOOPBACK: 1, EXTERNAL: 2 }),
  source_prefix_ranges: f.repeated(f.message(6, cidrRange)),
  source_ports: f.repeated(f.uint32(7, '', atMost(65_535))),
  direct_source_prefix_ranges: f.repeated(f.message(13, cidrRange)),
  address_suffix: f.refused(4, 'Envoy refuses it too'),
  suffix_len: f.refused(5, 'Envoy refuses it too'),
});
