// What an endpoint is to the balancer in one word, and in Envoy's flags.

import type { EndpointView } from '../../stats/index.ts';

export const endpointStates = ['healthy', 'degraded', 'unhealthy', 'ejected', 'unreachable'] as const;

export type EndpointState = (typeof endpointStates)[number];

export function stateOf(endpoint: EndpointView, nowMs: number): EndpointState {
  if (!endpoint.healthy) return 'unhealthy';
  if (endpoint.ejectedUntilMs > nowMs) return 'ejected';
  if (endpoint.unreachable) return 'unreachable';
  return endpoint.degraded ? 'degraded' : 'healthy';
}

/** What Envoy writes in `health_flags`. */
export function healthFlagsOf(endpoint: EndpointView, nowMs: number): string {
  const set = healthFlags.filter(({ holds }) => holds(endpoint, nowMs));
  return set.length === 0 ? 'healthy' : set.map(({ flag }) => `/${flag}`).join('');
}

interface HealthFlag {
  readonly flag: string;
  /** In the JSON form; '': not there. */
  readonly field: string;
  readonly holds: (endpoint: EndpointView, nowMs: number) => boolean;
}

export const healthFlags: readonly HealthFlag[] = [
  {
    flag: 'failed_active_hc',
    field: 'failed_active_health_check',
    holds: ({ health }) => health?.healthy === false,
  },
  {
    flag: 'failed_outlier_check',
    field: 'failed_outlier_check',
    holds: ({ ejectedUntilMs }, nowMs) => ejectedUntilMs > nowMs,
  },
  { flag: 'failed_eds_health', field: '', holds: ({ configured }) => !configured.healthy },
  {
    flag: 'degraded_active_hc',
    field: 'failed_active_degraded_check',
    holds: ({ health }) => health?.degraded === true,
  },
  { flag: 'degraded_eds_health', field: '', holds: ({ configured }) => configured.degraded },
  { flag: 'pending_dynamic_removal', field: 'pending_dynamic_removal', holds: ({ leaving }) => leaving },
  { flag: 'pending_active_hc', field: 'pending_active_hc', holds: ({ health }) => health?.pending === true },
  {
    flag: 'excluded_via_immediate_hc_fail',
    field: 'excluded_via_immediate_hc_fail',
    holds: ({ health }) => health?.excluded === true,
  },
  {
    flag: 'active_hc_timeout',
    field: 'active_hc_timeout',
    holds: ({ health }) => health?.timedOut === true,
  },
];
