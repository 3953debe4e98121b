// What an endpoint is to the balancer in one word, and in Envoy's flags.

import type { EndpointView } from '../../stats/index.ts';

export const endpointStates = ['healthy', 'degraded', 'unhealthy', 'ejected'] as const;

export type EndpointState = (typeof endpointStates)[number];

export function stateOf(endpoint: EndpointView, nowMs: number): EndpointState {
  if (!endpoint.healthy) return 'unhealthy';
  if (endpoint.ejectedUntilMs > nowMs) return 'ejected';
  return endpoint.degraded ? 'degraded' : 'healthy';
}

/** What Envoy writes in `health_flags`. */
export function healthFlagsOf(endpoint: EndpointView, nowMs: number): string {
  const flags = [
    ...(endpoint.ejectedUntilMs > nowMs ? ['/failed_outlier_check'] : []),
    ...(endpoint.healthy ? [] : ['/failed_eds_health']),
    ...(endpoint.degraded ? ['/degraded_eds_health'] : []),
  ];
  return flags.length === 0 ? 'healthy' : flags.join('');
}
