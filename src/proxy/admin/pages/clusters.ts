// /clusters: clusters and endpoints as the balancer sees them, in Envoy's text form (cluster::key::value) or its JSON.

import type { ClusterView, EndpointView } from '../../stats/index.ts';
import type { AdminContext } from '../context.ts';
import { type AdminReply, type AdminRequest, json, text } from '../reply.ts';
import { encodeEnvoyAddress } from './address.ts';
import { healthFlags, healthFlagsOf, stateOf } from './endpoint-state.ts';

export function clustersPage(context: AdminContext, request: AdminRequest): AdminReply {
  const clusters = [...context.view.clusters.values()];
  const nowMs = context.clock.now();
  const wallMs = context.clock.wall();
  if (request.query.get('format') === 'json') {
    return json({ cluster_statuses: clusters.map((cluster) => describeCluster(cluster, nowMs, wallMs)) });
  }
  return text(clusters.map((cluster) => writeCluster(cluster, nowMs, wallMs)).join(''));
}

function ageSeconds(cluster: ClusterView, wallMs: number): number {
  return cluster.endpointsReceivedAtMs === 0
    ? -1
    : Math.max(0, (wallMs - cluster.endpointsReceivedAtMs) / 1000);
}

function writeCluster(cluster: ClusterView, nowMs: number, wallMs: number): string {
  const { name, config } = cluster;
  const own: readonly (readonly [string, string | number | boolean])[] = [
    ['default_priority::max_connections', config.limits.connections],
    ['default_priority::max_pending_requests', config.limits.pending],
    ['default_priority::max_requests', config.limits.requests],
    ['observability_name', config.statName],
    ['high_priority::max_connections', config.high.limits.connections],
    ['high_priority::max_pending_requests', config.high.limits.pending],
    ['high_priority::max_requests', config.high.limits.requests],
    ['weft_balance', config.balance.kind],
    ['weft_endpoints_age_seconds', ageSeconds(cluster, wallMs)],
    ['weft_retry_budget_remaining', cluster.retryBudgetRemaining(nowMs)],
    ['weft_panicking', cluster.panicking],
    ['added_via_api', config.discovery === 'eds'],
  ];
  const rows = own.map(([key, value]) => `${name}::${key}::${value}\n`);
  for (const endpoint of cluster.endpoints) {
    for (const [key, value] of endpointRows(cluster, endpoint, nowMs)) {
      rows.push(`${name}::${endpoint.key}::${key}::${value}\n`);
    }
  }
  return rows.join('');
}

function endpointRows(
  cluster: ClusterView,
  endpoint: EndpointView,
  nowMs: number,
): readonly (readonly [string, string | number | boolean])[] {
  return [
    ['cx_active', endpoint.connections],
    ['cx_connect_fail', endpoint.connectFailures],
    ['rq_active', endpoint.active],
    ['rq_error', endpoint.attemptsFailed],
    ['rq_success', endpoint.attemptsSucceeded],
    ['rq_total', endpoint.picks],
    ['hostname', endpoint.name],
    ['health_flags', healthFlagsOf(endpoint, nowMs)],
    ['weight', weightOf(cluster, endpoint)],
    ['region', localityParts(endpoint)[0] ?? ''],
    ['zone', endpoint.zone],
    ['sub_zone', localityParts(endpoint)[2] ?? ''],
    ['priority', endpoint.priority],
    ['weft_latency_ms', round(endpoint.costMs)],
    ['weft_error_share', round(endpoint.errorShare)],
    ['weft_unreachable', endpoint.unreachable],
    ['weft_proxied', endpoint.proxied],
  ];
}

/** The one that counts. */
function weightOf({ config }: ClusterView, { loadWeight, weight }: EndpointView): number {
  return config.balance.kind === 'load-weighted' ? loadWeight : weight;
}

function localityParts({ locality }: EndpointView): readonly string[] {
  return locality.split('/');
}

function encodeLocality(endpoint: EndpointView): unknown {
  const [region = '', , subZone = ''] = localityParts(endpoint);
  return {
    ...(region === '' ? {} : { region }),
    zone: endpoint.zone,
    ...(subZone === '' ? {} : { sub_zone: subZone }),
  };
}

function statusOf({ configured }: EndpointView): string {
  if (!configured.healthy) return 'UNHEALTHY';
  return configured.degraded ? 'DEGRADED' : 'HEALTHY';
}

function describeCluster(cluster: ClusterView, nowMs: number, wallMs: number): unknown {
  const { config } = cluster;
  return {
    name: cluster.name,
    added_via_api: config.discovery === 'eds',
    observability_name: config.statName,
    circuit_breakers: {
      thresholds: [
        {
          max_connections: config.limits.connections,
          max_pending_requests: config.limits.pending,
          max_requests: config.limits.requests,
        },
      ],
    },
    service: config.service,
    balance: config.balance,
    endpoints_age_seconds: ageSeconds(cluster, wallMs),
    retry_budget_remaining: cluster.retryBudgetRemaining(nowMs),
    panicking: cluster.panicking,
    candidates: cluster.candidateCount,
    host_statuses: cluster.endpoints.map((endpoint) => describeEndpoint(cluster, endpoint, nowMs)),
  };
}

function describeEndpoint(cluster: ClusterView, endpoint: EndpointView, nowMs: number): unknown {
  const state = stateOf(endpoint, nowMs);
  return {
    address: encodeEnvoyAddress(endpoint.address),
    hostname: endpoint.name,
    weight: weightOf(cluster, endpoint),
    priority: endpoint.priority,
    locality: encodeLocality(endpoint),
    stats: [
      { name: 'cx_active', type: 'GAUGE', value: `${endpoint.connections}` },
      { name: 'cx_connect_fail', value: `${endpoint.connectFailures}` },
      { name: 'rq_active', type: 'GAUGE', value: `${endpoint.active}` },
      { name: 'rq_error', value: `${endpoint.attemptsFailed}` },
      { name: 'rq_success', value: `${endpoint.attemptsSucceeded}` },
      { name: 'rq_total', value: `${endpoint.picks}` },
    ],
    health_status: {
      eds_health_status: statusOf(endpoint),
      ...Object.fromEntries(
        healthFlags
          .filter(({ field, holds }) => field !== '' && holds(endpoint, nowMs))
          .map(({ field }) => [field, true]),
      ),
    },
    weft: {
      state,
      latency_ms: round(endpoint.costMs),
      error_share: round(endpoint.errorShare),
      ejections: endpoint.ejections,
      ejected_for_ms: Math.max(0, Math.round(endpoint.ejectedUntilMs - nowMs)),
      consecutive_failures: endpoint.consecutiveFailures,
      proxied: endpoint.proxied,
      idle_connections: endpoint.idleConnections,
    },
  };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
