// A port of a Gateway as a listener: one filter chain for each name that clients ask for, HTTP read or bytes carried.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type FilterChainSchema,
  FilterSchema,
  type Listener,
  ListenerSchema,
  TcpProxySchema,
  TlsInspectorSchema,
  TrafficDirection,
} from '../../xds/api.ts';
import type { ClientTrust } from '../model/client-trust.ts';
import type { GatewayChain, GatewaySocket, StreamChain } from '../model/types.ts';
import { rangeOf } from './access.ts';
import { hashSource } from './affinity.ts';
import { compileManager } from './listener.ts';
import { addressOf, durationOf, emptyMessage, packAny, weftMetadata } from './messages.ts';
import { unresolvedCluster } from './route.ts';
import type { Bind } from './scope.ts';
import { compileTermination } from './tls.ts';

/** What a listener is made of: nothing of its routes, which come by themselves, and no key. */
export interface GatewayListenerInput {
  readonly name: string;
  readonly bind: Bind;
  readonly chains: readonly ListenerChain[];
  readonly trust: ClientTrust;
}

type ListenerChain =
  | (Omit<Extract<GatewayChain, { readonly kind: 'http' }>, 'hosts' | 'misdirected' | 'tls'> & {
      readonly cors: boolean;
      readonly tls: ListenerTls | null;
    })
  | (Omit<StreamChain, 'tls' | 'owner'> & { readonly tls: ListenerTls | null });

type ListenerTls = NonNullable<GatewayChain['tls']>;

/** From the first byte of a connection to the name that its client asks for. */
const helloTimeoutMs = 10_000;

export function gatewayListenerInput(
  { name, chains, trust }: GatewaySocket,
  bind: Bind,
): GatewayListenerInput {
  return {
    name,
    bind,
    trust,
    chains: chains.map((chain): ListenerChain => {
      const { serverNames } = chain;
      const tls = chain.tls === null ? null : withoutKeys(chain.tls);
      if (chain.kind === 'stream')
        return { kind: 'stream', name: chain.name, serverNames, tls, backends: chain.backends };
      const cors = chain.hosts.some(({ rules }) => rules.some((rule) => rule.cors !== null));
      return { kind: 'http', name: chain.name, serverNames, tls, cors };
    }),
  };
}

function withoutKeys(tls: ListenerTls): ListenerTls {
  return {
    ...tls,
    certificates: tls.certificates.map(({ name }) => ({ name, certificate: '', privateKey: '' })),
  };
}

export function compileGatewayListener({ name, bind, chains, trust }: GatewayListenerInput): Listener {
  const inspected = chains.some(({ serverNames, tls }) => serverNames.length > 0 || tls !== null);
  const listenerFilters = [
    ...(trust.balancers.length > 0 ? [proxyProtocol()] : []),
    ...(inspected ? [tlsInspector()] : []),
  ];
  return create(ListenerSchema, {
    name,
    address: addressOf(bind.host, bind.port),
    trafficDirection: TrafficDirection.OUTBOUND,
    ...(listenerFilters.length === 0
      ? {}
      : { listenerFilters, listenerFiltersTimeout: durationOf(helloTimeoutMs) }),
    filterChains: chains.map((chain) => compileChain(chain, trust)),
    metadata: weftMetadata({ direction: 'gateway' }),
  });
}

/** Whoever does not begin with one is refused. */
function proxyProtocol() {
  return {
    name: 'envoy.filters.listener.proxy_protocol',
    configType: {
      case: 'typedConfig' as const,
      value: emptyMessage('envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol'),
    },
  };
}

function tlsInspector() {
  return {
    name: 'envoy.filters.listener.tls_inspector',
    configType: { case: 'typedConfig' as const, value: packAny(TlsInspectorSchema, {}) },
  };
}

function compileChain(
  chain: ListenerChain,
  { balancers, hops }: ClientTrust,
): MessageInitShape<typeof FilterChainSchema> {
  const { name, serverNames, tls } = chain;
  // By whose connection it is, whoever its header names: another one has no chain, and is closed.
  const match = {
    ...(serverNames.length === 0 ? {} : { serverNames: [...serverNames] }),
    ...(balancers.length === 0 ? {} : { directSourcePrefixRanges: balancers.map(rangeOf) }),
  };
  return {
    name,
    ...(Object.keys(match).length === 0 ? {} : { filterChainMatch: match }),
    filters: [
      chain.kind === 'http'
        ? compileManager({ name, direction: 'gateway', fenced: false, cors: chain.cors, hops })
        : compileStream(name, chain.backends),
    ],
    ...(tls === null
      ? {}
      : { transportSocket: compileTermination(tls, chain.kind === 'http' ? ['h2', 'http/1.1'] : []) }),
  };
}

/** Where nothing is valid behind it connections are closed, and so is the share of a backend that is not. */
function compileStream(statPrefix: string, backends: StreamChain['backends']) {
  const hashPolicy = backends.some(({ sticky }) => sticky) ? [hashSource()] : [];
  const clusters = backends.map(({ port, weight }) => ({ name: port ?? unresolvedCluster, weight }));
  const [first] = clusters;
  const clusterSpecifier =
    clusters.length < 2
      ? { case: 'cluster' as const, value: first?.name ?? unresolvedCluster }
      : { case: 'weightedClusters' as const, value: { clusters } };
  return create(FilterSchema, {
    name: 'envoy.filters.network.tcp_proxy',
    configType: {
      case: 'typedConfig',
      value: packAny(TcpProxySchema, { statPrefix, clusterSpecifier, hashPolicy }),
    },
  });
}
