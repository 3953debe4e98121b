// The outbound listener of a sidecar to which all connections of its pod are led: a connection belongs to the Service
// whose address it was going to. Where that speaks HTTP, or nobody said what it speaks and its first bytes are HTTP,
// its requests are routed; else its bytes are carried. What is none of the mesh's addresses goes where it was going
// (docs/decisions/0017-the-address-decides.md).

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
  FilterChainSchema,
  FilterSchema,
  type Listener,
  type ListenerFilterChainMatchPredicateSchema,
  ListenerFilterSchema,
  ListenerSchema,
  TcpProxySchema,
  TrafficDirection,
  UpstreamHttpProtocolOptionsSchema,
  type VirtualHost,
  VirtualHostSchema,
} from '../../xds/api.ts';
import type { Model } from '../model/types.ts';
import { compileManager } from './listener.ts';
import { addressOf, durationOf, packAny, weftMetadata } from './messages.ts';
import type { Bind } from './scope.ts';
import { forwardUntouched } from './virtual-hosts.ts';

/** Where captured connections can be going. */
export interface CapturedPlan {
  /** Ports at which some Service reads HTTP, ascending. */
  readonly httpPorts: readonly number[];
  /** Ports of Services whose bytes are carried. */
  readonly streams: readonly CapturedStream[];
}

interface CapturedStream {
  readonly addresses: readonly string[];
  readonly port: number;
  /** {@link PortModel.id}. */
  readonly cluster: string;
}

export function planCaptured(model: Model): CapturedPlan {
  const httpPorts = new Set<number>();
  const streams: CapturedStream[] = [];
  for (const { addresses, ports } of model.services.values()) {
    if (addresses.length === 0) continue;
    for (const { id, port, protocol, doubtful } of ports)
      if (protocol === 'opaque' || doubtful) streams.push({ addresses, port, cluster: id });
      else httpPorts.add(port);
  }
  return { httpPorts: [...httpPorts].sort((a, b) => a - b), streams };
}

/** Goes where its clients were going. */
export const passthroughCluster = 'passthrough';

/** No name ends so (RFC 6761 section 6.4); by it Weft's proxy finds the routes of what is none of ours. */
const passthroughDomain = 'passthrough.invalid';

/** For the first bytes of a connection that may be HTTP; a server that speaks first is carried after it. */
const firstBytesMs = 1_000;

export interface CapturedListenerInput {
  readonly bind: Bind;
  readonly cors: boolean;
  readonly plan: CapturedPlan;
}

export function compileCapturedListener({ bind, cors, plan }: CapturedListenerInput): Listener {
  const name = 'outbound';
  const filters = [compileManager({ name, direction: 'outbound', cors, fenced: false })];
  const httpPorts = plan.httpPorts.filter((port) => port !== bind.port);
  return create(ListenerSchema, {
    name,
    address: addressOf(bind.host, bind.port),
    trafficDirection: TrafficDirection.OUTBOUND,
    listenerFilters: [originalDestination(), ...inspectHttp(httpPorts)],
    listenerFiltersTimeout: durationOf(firstBytesMs),
    continueOnListenerFiltersTimeout: true,
    filterChains: [
      // Who calls the listener itself, as its proxy.
      { name: 'called', filterChainMatch: { destinationPort: bind.port }, filters },
      ...httpPorts.map((port) => ({
        name: `http:${port}`,
        filterChainMatch: { destinationPort: port, applicationProtocols: ['http/1.0', 'http/1.1', 'h2c'] },
        filters,
        metadata: weftMetadata({ virtualHost: 'destination' }),
      })),
      ...plan.streams.map(compileStream),
    ],
    defaultFilterChain: create(FilterChainSchema, {
      name: passthroughCluster,
      filters: [carry(passthroughCluster)],
    }),
    metadata: weftMetadata({ direction: 'outbound' }),
  });
}

function compileStream({
  addresses,
  port,
  cluster,
}: CapturedStream): MessageInitShape<typeof FilterChainSchema> {
  return {
    name: cluster,
    filterChainMatch: {
      destinationPort: port,
      prefixRanges: addresses.map((address) => ({
        addressPrefix: address,
        prefixLen: address.includes(':') ? 128 : 32,
      })),
    },
    filters: [carry(cluster)],
  };
}

/** As long as its ends want: nobody knows what it is, nor how long it is silent. */
function carry(cluster: string) {
  return create(FilterSchema, {
    name: 'envoy.filters.network.tcp_proxy',
    configType: {
      case: 'typedConfig',
      value: packAny(TcpProxySchema, {
        statPrefix: cluster,
        clusterSpecifier: { case: 'cluster', value: cluster },
        idleTimeout: durationOf(0),
      }),
    },
  });
}

const listenerFilters = 'type.googleapis.com/envoy.extensions.filters.listener';

/** Messages without fields, for which no code is generated. */
function emptyMessage(typeUrl: string): Any {
  return create(AnySchema, { typeUrl });
}

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
function inspectHttp(ports: readonly number[]) {
  if (ports.length === 0) return [];
  const value = emptyMessage(`${listenerFilters}.http_inspector.v3.HttpInspector`);
  return [
    create(ListenerFilterSchema, {
      name: 'envoy.filters.listener.http_inspector',
      configType: { case: 'typedConfig', value },
      filterDisabled: { rule: { case: 'notMatch', value: anyOf(ports) } },
    }),
  ];
}

type Predicate = MessageInitShape<typeof ListenerFilterChainMatchPredicateSchema>;

function anyOf(ports: readonly number[]): Predicate {
  const rules = ports.map(
    (port): Predicate => ({
      rule: { case: 'destinationPortRange', value: { start: port, end: port + 1 } },
    }),
  );
  // A set of one is none (proto: at least two).
  return rules.length === 1 ? rules[0]! : { rule: { case: 'orMatch', value: { rules } } };
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
