// The outbound listener of a sidecar to which all connections of its pod are led: a connection belongs to the Service
// whose address it was going to. Where that speaks HTTP, or nobody said what it speaks and its first bytes are HTTP,
// its requests are routed; else its bytes are carried. What is none of the mesh's addresses goes where it was going
// (docs/decisions/0017-the-address-decides.md).

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
  FilterChainSchema,
  FilterSchema,
  type Listener,
  ListenerFilterChainMatchPredicateSchema,
  ListenerFilterSchema,
  ListenerSchema,
  TcpProxySchema,
  TrafficDirection,
  UpstreamHttpProtocolOptionsSchema,
  type VirtualHost,
  VirtualHostSchema,
} from '../../xds/api.ts';
import type { Model } from '../model/types.ts';
import { hashSource } from './affinity.ts';
import { addressesOf, compileManager } from './listener.ts';
import { durationOf, emptyMessage, packAny, weftMetadata } from './messages.ts';
import { type OnDemand, withOnDemand } from './on-demand.ts';
import type { Bind } from './scope.ts';
import { forwardUntouched } from './virtual-hosts.ts';

/** Where captured connections can be going. */
export interface CapturedPlan {
  /** Ports at which some Service reads HTTP, ascending. */
  readonly httpPorts: readonly number[];
  /** Ports of Services whose bytes are carried, {@link streamsMax} at most. */
  readonly streams: readonly CapturedStream[];
  /** What is left out, as sentences. */
  readonly notes: readonly string[];
}

/** Each has a filter chain; who comes later is reached as what is none of the mesh's addresses is. */
export const streamsMax = 1_024;

interface CapturedStream {
  readonly addresses: readonly string[];
  readonly port: number;
  /** {@link PortModel.id}. */
  readonly cluster: string;
  readonly sticky: boolean;
}

export function planCaptured(model: Model): CapturedPlan {
  const httpPorts = new Set<number>();
  const streams: CapturedStream[] = [];
  for (const { addresses, ports } of model.services.values()) {
    if (addresses.length === 0) continue;
    for (const { id, port, protocol, doubtful, sticky } of ports)
      if (protocol === 'opaque' || doubtful) streams.push({ addresses, port, cluster: id, sticky });
      else httpPorts.add(port);
  }
  const left = streams.length - streamsMax;
  return {
    httpPorts: [...httpPorts].sort((a, b) => a - b),
    streams: streams.slice(0, streamsMax),
    notes: left > 0 ? [`${left} ports that are carried as bytes are reached past their policies`] : [],
  };
}

/** Goes where its clients were going. */
export const passthroughCluster = 'passthrough';

/** No name ends so (RFC 6761 section 6.4); by it Weft's proxy finds the routes of what is none of ours. */
export const passthroughDomain = 'passthrough.invalid';

/** For the first bytes of a connection that may be HTTP; a server that speaks first is carried after it. */
const firstBytesMs = 1_000;

export interface CapturedListenerInput {
  readonly bind: Bind;
  /** Its network has IPv6. */
  readonly ipv6: boolean;
  readonly cors: boolean;
  readonly onDemand: OnDemand;
  readonly plan: CapturedPlan;
}

export function compileCapturedListener({
  bind,
  ipv6,
  cors,
  onDemand,
  plan,
}: CapturedListenerInput): Listener {
  const name = 'outbound';
  const filters = [compileManager({ name, direction: 'outbound', cors, onDemand, fenced: false })];
  const { ports, inspected } = chooseHttp(plan, bind.port);
  return create(ListenerSchema, {
    name,
    ...addressesOf(bind, ipv6),
    trafficDirection: TrafficDirection.OUTBOUND,
    listenerFilters: [originalDestination(), ...inspectHttp(inspected)],
    listenerFiltersTimeout: durationOf(firstBytesMs),
    continueOnListenerFiltersTimeout: true,
    filterChains: [
      // Who calls the listener itself, as its proxy.
      { name: 'called', filterChainMatch: { destinationPort: bind.port }, filters },
      ...ports.map((port) => ({
        name: port === null ? 'http' : `http:${port}`,
        filterChainMatch: {
          ...(port === null ? {} : { destinationPort: port }),
          applicationProtocols: ['http/1.0', 'http/1.1', 'h2c'],
        },
        filters,
        metadata: weftMetadata({ virtualHost: 'destination' }),
      })),
      ...plan.streams.map((stream) => compileStream(stream, onDemand.clusters)),
    ],
    defaultFilterChain: create(FilterChainSchema, {
      name: passthroughCluster,
      filters: [carry(passthroughCluster, { asked: false, sticky: false })],
    }),
    metadata: weftMetadata({ direction: 'outbound' }),
  });
}

/** Numbers of ports that have a chain each; beyond, HTTP is looked for at every port that nobody else has. */
export const httpPortsMax = 64;

interface HttpChoice {
  /** Of its chains; null: any port. */
  readonly ports: readonly (number | null)[];
  /** Where first bytes are looked at. */
  readonly inspected: { readonly at: readonly number[] } | { readonly exceptAt: readonly number[] };
}

function chooseHttp({ httpPorts, streams }: CapturedPlan, own: number): HttpChoice {
  const ports = httpPorts.filter((port) => port !== own);
  if (ports.length <= httpPortsMax) return { ports, inspected: { at: ports } };
  const carried = new Set(streams.map(({ port }) => port));
  // A chain of a port goes before one of any: where bytes of some Service have it, its HTTP needs one as well.
  const contested = ports.filter((port) => carried.has(port));
  const exceptAt = [...carried, own].filter((port) => !contested.includes(port));
  return { ports: [...contested, null], inspected: { exceptAt } };
}

function compileStream(
  { addresses, port, cluster, sticky }: CapturedStream,
  asked: boolean,
): MessageInitShape<typeof FilterChainSchema> {
  return {
    name: cluster,
    filterChainMatch: {
      destinationPort: port,
      prefixRanges: addresses.map((address) => ({
        addressPrefix: address,
        prefixLen: address.includes(':') ? 128 : 32,
      })),
    },
    filters: [carry(cluster, { asked, sticky })],
  };
}

/** As long as its ends want: nobody knows what it is, nor how long it is silent. */
function carry(cluster: string, { asked, sticky }: { readonly asked: boolean; readonly sticky: boolean }) {
  const proxy = packAny(TcpProxySchema, {
    statPrefix: cluster,
    clusterSpecifier: { case: 'cluster', value: cluster },
    idleTimeout: durationOf(0),
    ...(sticky ? { hashPolicy: [hashSource()] } : {}),
  });
  return create(FilterSchema, {
    name: 'envoy.filters.network.tcp_proxy',
    configType: { case: 'typedConfig', value: asked ? withOnDemand(proxy) : proxy },
  });
}

const listenerFilters = 'envoy.extensions.filters.listener';

function originalDestination() {
  return create(ListenerFilterSchema, {
    name: 'envoy.filters.listener.original_dst',
    configType: {
      case: 'typedConfig',
      value: emptyMessage(`${listenerFilters}.original_dst.v3.OriginalDst`),
    },
  });
}

/** Elsewhere nobody waits for a client's first bytes: a server may speak first. */
function inspectHttp(inspected: HttpChoice['inspected']) {
  if ('at' in inspected && inspected.at.length === 0) return [];
  const value = emptyMessage(`${listenerFilters}.http_inspector.v3.HttpInspector`);
  return [
    create(ListenerFilterSchema, {
      name: 'envoy.filters.listener.http_inspector',
      configType: { case: 'typedConfig', value },
      filterDisabled:
        'at' in inspected
          ? predicate({ rule: { case: 'notMatch', value: anyOf(inspected.at) } })
          : anyOf(inspected.exceptAt),
    }),
  ];
}

function predicate(init: MessageInitShape<typeof ListenerFilterChainMatchPredicateSchema>) {
  return create(ListenerFilterChainMatchPredicateSchema, init);
}

function anyOf(ports: readonly number[]) {
  const rules = ports.map((port) =>
    predicate({ rule: { case: 'destinationPortRange', value: { start: port, end: port + 1 } } }),
  );
  // A set of one is none (proto: at least two).
  return rules.length === 1 ? rules[0]! : predicate({ rule: { case: 'orMatch', value: { rules } } });
}

/** Requests to what is none of the mesh's addresses, by Weft's proxy alone: another sees no such name. */
export function compilePassthroughHost(): VirtualHost {
  return create(VirtualHostSchema, {
    name: passthroughCluster,
    domains: [passthroughDomain],
    routes: [
      {
        name: passthroughCluster,
        match: { pathSpecifier: { case: 'prefix', value: '/' } },
        ...forwardUntouched(passthroughCluster),
      },
    ],
  });
}

/** Its applications open as many connections as they would without a proxy. */
const passthroughMax = 10_000;

export function compilePassthroughCluster(): Cluster {
  return create(ClusterSchema, {
    name: passthroughCluster,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST },
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    connectTimeout: durationOf(10_000),
    circuitBreakers: {
      thresholds: [
        { maxConnections: passthroughMax, maxPendingRequests: passthroughMax, maxRequests: passthroughMax },
      ],
    },
    typedExtensionProtocolOptions: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': packAny(UpstreamHttpProtocolOptionsSchema, {
        upstreamProtocolOptions: {
          case: 'useDownstreamProtocolConfig',
          value: { httpProtocolOptions: {}, http2ProtocolOptions: {} },
        },
      }),
    },
  });
}
