// A port of a Service as a Cluster: its policy in Envoy's own fields as near as they go, and whole in the metadata for
// Weft's proxy.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Cluster,
  Cluster_DiscoveryType,
  ClusterSchema,
  CodecClientType,
  HealthCheckSchema,
  LeastRequestSchema,
  type LoadBalancingPolicy_Policy,
  LoadBalancingPolicy_PolicySchema,
  MaglevSchema,
  RandomSchema,
  RingHashSchema,
  RoundRobinSchema,
  TypedStructSchema,
  UpstreamHttpProtocolOptionsSchema,
} from '../../xds/api.ts';
import { formatGatewayDuration, latencyAwareType, policyDefaults } from '../../xds/index.ts';
import type { PortModel, PortProtocol } from '../model/types.ts';
import { parseStatusRange, type ServicePolicySettings } from '../schema/service-policy.ts';
import { durationMs } from '../schema/values.ts';
import { addressOf, durationOf, fromAds, packAny, weftMetadata } from './messages.ts';
import { compileOrigination } from './tls.ts';

/** What a cluster is made of; equal input gives an equal cluster. */
export type ClusterInput = Pick<
  PortModel,
  'id' | 'service' | 'policy' | 'external' | 'outside' | 'port' | 'protocol' | 'tls' | 'sticky'
>;

/** `identity`: the name of the certificate that pods are shown where they are spoken to in TLS; null: none. */
export function compileCluster(port: ClusterInput, identity: string | null = null): Cluster {
  const { policy } = port;
  const outlierDetection = compileOutlierDetection(policy.outlierDetection);
  return create(ClusterSchema, {
    name: port.id,
    ...compileEndpointSource(port),
    connectTimeout: durationOf(durationMs(policy.timeouts.connect)),
    loadBalancingPolicy: {
      policies: port.sticky ? compileAffinity() : compileBalancing(policy.loadBalancing),
    },
    circuitBreakers: { thresholds: [compileThresholds(policy)] },
    ...(outlierDetection === null ? {} : { outlierDetection }),
    ...compileHealthCheck(port),
    ...(port.tls === null ? {} : { transportSocket: compileOrigination(port.tls, identity) }),
    typedExtensionProtocolOptions: compileProtocol(port.protocol, durationMs(policy.timeouts.idle)),
    metadata: weftMetadata({
      service: port.service,
      policy: encodePolicy(policy),
      ...callsOver(port.protocol),
      ...(port.outside ? { outside: true } : {}),
    }),
  });
}

/** Endpoints come by EDS; an ExternalName is a name that the proxy resolves. */
function compileEndpointSource({
  id,
  external,
  outside,
  port,
}: ClusterInput): Pick<
  MessageInitShape<typeof ClusterSchema>,
  'clusterDiscoveryType' | 'edsClusterConfig' | 'loadAssignment'
> {
  if (external === null)
    return {
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
      edsClusterConfig: { edsConfig: fromAds() },
    };
  // Absolute: as a resolver in a pod completes it, `account.bank` would be a Service.
  const absolute = outside && !external.endsWith('.');
  const address = addressOf(absolute ? `${external}.` : external, port);
  const endpoint = { address, ...(absolute ? { hostname: external } : {}) };
  return {
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STRICT_DNS },
    loadAssignment: {
      clusterName: id,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: endpoint } }] }],
    },
  };
}

/**
 * As the user writes it; ejection by success rate that is off is null, so that no reader takes 0 requests for enough.
 */
function encodePolicy(policy: ServicePolicySettings): object {
  const { outlierDetection } = policy;
  const { attemptIsGiven: _attempt, requestIsGiven: _request, ...timeouts } = policy.timeouts;
  if (outlierDetection.successRate.minimumRequests > 0) return { ...policy, timeouts };
  return { ...policy, timeouts, outlierDetection: { ...outlierDetection, successRate: null } };
}

/** gRPC is HTTP/2, whatever else a port speaks: a call of it is made so, undeclared. */
export function callsOver(protocol: PortProtocol): { readonly grpc?: 'http2' } {
  return protocol === 'http' ? { grpc: 'http2' } : {};
}

const protocolOptionsKey = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/**
 * What its application speaks, a sidecar before it speaks too (docs/decisions/0014-the-mesh-hop.md). Of bytes that
 * nobody reads nothing is said.
 */
export function compileProtocol(protocol: PortProtocol, idleMs: number | null) {
  if (protocol === 'opaque') return {};
  return {
    [protocolOptionsKey]: packAny(UpstreamHttpProtocolOptionsSchema, {
      ...(idleMs === null ? {} : { commonHttpProtocolOptions: { idleTimeout: durationOf(idleMs) } }),
      upstreamProtocolOptions: {
        case: 'explicitHttpConfig',
        value: {
          protocolConfig:
            protocol === 'http2'
              ? { case: 'http2ProtocolOptions', value: {} }
              : { case: 'httpProtocolOptions', value: {} },
        },
      },
    }),
  };
}

/** A client takes the first it knows: Weft the first, others the nearest that follows. */
function compileBalancing({
  type,
  slowStart,
}: ServicePolicySettings['loadBalancing']): LoadBalancingPolicy_Policy[] {
  const slow =
    slowStart === undefined
      ? {}
      : { slowStartConfig: { slowStartWindow: durationOf(durationMs(slowStart.window)) } };
  const leastRequest = policyOf(
    'envoy.load_balancing_policies.least_request',
    packAny(LeastRequestSchema, slow),
  );
  const roundRobin = policyOf('envoy.load_balancing_policies.round_robin', packAny(RoundRobinSchema, slow));
  switch (type) {
    case 'LatencyAware':
      return [policyOf('weft.dev.latency_aware', latencyAware(slowStart?.window)), leastRequest, roundRobin];
    case 'LeastRequest':
      return [leastRequest, roundRobin];
    case 'RoundRobin':
      return [roundRobin];
    case 'Random':
      return [policyOf('envoy.load_balancing_policies.random', packAny(RandomSchema, {})), roundRobin];
  }
}

/**
 * By the hash of the client, which routes say where they can (affinity.ts). Of clients whose endpoint stays the ring
 * moves 2 to 10 % when another comes or goes, Maglev 0.4 % at most; gRPC clients have the ring alone
 * (docs/decisions/0026).
 */
function compileAffinity(): LoadBalancingPolicy_Policy[] {
  return [
    policyOf('envoy.load_balancing_policies.maglev', packAny(MaglevSchema, {})),
    policyOf('envoy.load_balancing_policies.ring_hash', packAny(RingHashSchema, {})),
    policyOf('envoy.load_balancing_policies.round_robin', packAny(RoundRobinSchema, {})),
  ];
}

function latencyAware(slowStartWindow: string | undefined) {
  return packAny(TypedStructSchema, {
    typeUrl: latencyAwareType,
    value: {
      decay: formatGatewayDuration(policyDefaults.latencyAware.decayMs),
      defaultRtt: formatGatewayDuration(policyDefaults.latencyAware.rttMs),
      ...(slowStartWindow === undefined ? {} : { slowStart: slowStartWindow }),
    },
  });
}

/**
 * An endpoint that Kubernetes took away is gone, whatever its checks say. A name is not checked: every proxy of the
 * mesh would ask what whoever wrote the name and the path would have it ask.
 */
function compileHealthCheck({
  external,
  policy,
  port,
  service,
  protocol,
}: ClusterInput): Pick<MessageInitShape<typeof ClusterSchema>, 'healthChecks' | 'ignoreHealthOnHostRemoval'> {
  const { healthCheck: check } = policy;
  if (check === undefined || external !== null) return {};
  const [namespace = '', name = ''] = service.split('/');
  // With its port, which tells the ports of one service apart behind a sidecar.
  const host = `${name}.${namespace}:${port}`;
  const common = {
    timeout: durationOf(durationMs(check.timeout)),
    interval: durationOf(durationMs(check.interval)),
    healthyThreshold: check.healthyThreshold,
    unhealthyThreshold: check.unhealthyThreshold,
  };
  const healthCheck = create(HealthCheckSchema, {
    ...common,
    healthChecker: compileProbe(check, host, protocol === 'http2'),
  });
  return { healthChecks: [healthCheck], ignoreHealthOnHostRemoval: true };
}

function compileProbe(
  { http }: NonNullable<ServicePolicySettings['healthCheck']>,
  host: string,
  http2: boolean,
): NonNullable<MessageInitShape<typeof HealthCheckSchema>['healthChecker']> {
  if (http === undefined) return { case: 'tcpHealthCheck', value: {} };
  return {
    case: 'httpHealthCheck',
    value: {
      path: http.path,
      host: http.host ?? host,
      ...(http2 ? { codecClientType: CodecClientType.HTTP2 } : {}),
      expectedStatuses: http.expectedStatuses.map((range) => {
        const [first, last] = parseStatusRange(range);
        return { start: BigInt(first), end: BigInt(last + 1) };
      }),
    },
  };
}

function policyOf(name: string, typedConfig: ReturnType<typeof packAny>): LoadBalancingPolicy_Policy {
  return create(LoadBalancingPolicy_PolicySchema, { typedExtensionConfig: { name, typedConfig } });
}

/** Latency over which a rate of retries is turned into Envoy's number of concurrent ones. */
const assumedRetrySeconds = 0.3;
/** Envoy's default: fewer at once would refuse what the rate allows whenever two failures come together. */
const envoyRetriesMin = 3;

function compileThresholds(policy: ServicePolicySettings) {
  const { budget, minRetryRate } = policy.retryBudget;
  const perSecond = minRetryRate.count / (durationMs(minRetryRate.interval) / 1000);
  return {
    maxConnections: policy.limits.connections,
    maxPendingRequests: policy.limits.pending,
    maxRequests: policy.limits.requests,
    retryBudget: {
      budgetPercent: { value: budget.percent },
      minRetryConcurrency: Math.max(envoyRetriesMin, Math.ceil(perSecond * assumedRetrySeconds)),
    },
  };
}

function compileOutlierDetection(outlier: ServicePolicySettings['outlierDetection']) {
  const judged = outlier.consecutiveFailures > 0 || outlier.successRate.minimumRequests > 0;
  if (outlier.maxEjectedPercent === 0 || !judged) return null;
  return {
    // Envoy refuses 0 here; enforcing 0 % is its way to say off.
    consecutive5xx: Math.max(1, outlier.consecutiveFailures),
    enforcingConsecutive5xx: outlier.consecutiveFailures > 0 ? 100 : 0,
    successRateRequestVolume: outlier.successRate.minimumRequests,
    enforcingSuccessRate: outlier.successRate.minimumRequests > 0 ? 100 : 0,
    interval: durationOf(durationMs(outlier.interval)),
    baseEjectionTime: durationOf(durationMs(outlier.baseEjection)),
    maxEjectionTime: durationOf(Math.max(durationMs(outlier.maxEjection), durationMs(outlier.baseEjection))),
    maxEjectionPercent: outlier.maxEjectedPercent,
    // Of three replicas half is one and a half: the first may go.
    alwaysEjectOneHost: true,
  };
}
