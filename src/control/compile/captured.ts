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
  type Listener,
  ListenerSchema,
  TrafficDirection,
  UpstreamHttpProtocolOptionsSchema,
  type VirtualHost,
  VirtualHostSchema,
} from '../../xds/api.ts';
import type { Model } from '../model/types.ts';
import { carry, httpAt, type Inspected, lookAt, readsHttp } from './captured-filters.ts';
import { type CapturedStream, closedCluster, shareChains } from './captured-streams.ts';
import { addressesOf, compileManager } from './listener.ts';
import { durationOf, packAny, weftMetadata } from './messages.ts';
import type { OnDemand } from './on-demand.ts';
import type { Bind } from './scope.ts';
import { forwardUntouched } from './virtual-hosts.ts';

/** Where captured connections can be going. */
export interface CapturedPlan {
  /** Ports at which some Service reads HTTP, ascending. */
  readonly httpPorts: readonly number[];
  /** Ports of Services whose bytes are carried. */
  readonly streams: readonly CapturedStream[];
}

export function planCaptured(model: Model): CapturedPlan {
  const httpPorts = new Set<number>();
  const streams: CapturedStream[] = [];
  for (const { addresses, ports, namespace } of model.services.values()) {
    if (addresses.length === 0) continue;
    for (const one of ports) {
      const { id, port, sticky } = one;
      const guarded = one.tls !== null || one.access !== null || one.closed;
      if (readsHttp(one)) httpPorts.add(port);
      else streams.push({ addresses, port, cluster: id, namespace, sticky, guarded });
    }
  }
  return { httpPorts: [...httpPorts].sort((a, b) => a - b), streams };
}

/** Goes where its clients were going. */
export const passthroughCluster = 'passthrough';

/** No name ends so (RFC 6761 section 6.4); by it Weft's proxy finds the routes of what is none of ours. */
export const passthroughDomain = 'passthrough.invalid';

export interface CapturedListenerInput {
  readonly bind: Bind;
  /** Its network has IPv6. */
  readonly ipv6: boolean;
  readonly cors: boolean;
  readonly onDemand: OnDemand;
  readonly plan: CapturedPlan;
  /** Of the workload: its own Services come first. */
  readonly namespace: string;
}

export function compileCapturedListener({
  bind,
  ipv6,
  cors,
  onDemand,
  plan,
  namespace,
}: CapturedListenerInput): Listener {
  const name = 'outbound';
  const filters = [compileManager({ name, direction: 'outbound', cors, onDemand, fenced: false })];
  const { ports, inspected } = chooseHttp(plan, bind.port);
  const { carried, closed } = shareChains(plan, namespace);
  return create(ListenerSchema, {
    name,
    ...addressesOf(bind, ipv6),
    trafficDirection: TrafficDirection.OUTBOUND,
    ...lookAt(inspected),
    filterChains: [
      // Who calls the listener itself, as its proxy.
      { name: 'called', filterChainMatch: { destinationPort: bind.port }, filters },
      ...ports.map((port) => ({
        name: port === null ? 'http' : `http:${port}`,
        filterChainMatch: httpAt(port),
        filters,
        metadata: weftMetadata({ virtualHost: 'destination' }),
      })),
      ...carried.map((stream) => compileStream(stream, onDemand.clusters)),
      ...closed.map(({ port, addresses }) => ({
        name: port === null ? closedCluster : `${closedCluster}:${port}`,
        filterChainMatch: { ...(port === null ? {} : { destinationPort: port }), ...goingTo(addresses) },
        filters: [carry(closedCluster)],
      })),
    ],
    defaultFilterChain: create(FilterChainSchema, {
      name: passthroughCluster,
      filters: [carry(passthroughCluster)],
    }),
    metadata: weftMetadata({ direction: 'outbound' }),
  });
}

/** Numbers of ports that have a chain each; beyond, HTTP is looked for at every port that nobody else has. */
export const httpPortsMax = 64;

interface HttpChoice {
  /** Of its chains; null: any port. */
  readonly ports: readonly (number | null)[];
  readonly inspected: Inspected;
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
    filterChainMatch: { destinationPort: port, ...goingTo(addresses) },
    filters: [carry(cluster, { asked, sticky })],
  };
}

function goingTo(addresses: readonly string[]) {
  return {
    prefixRanges: addresses.map((address) => ({
      addressPrefix: address,
      prefixLen: address.includes(':') ? 128 : 32,
    })),
  };
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

export function compilePassthroughCluster(name: string): Cluster {
  return create(ClusterSchema, {
    name,
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
