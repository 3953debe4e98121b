// The endpoint that a request asks for by its address: a session of its client sticks to it (Envoy's override host, as
// the filter stateful_session sets it). Only the first attempt asks; what is tried again goes where balancing says.

import type { HostStatus } from '../config/types.ts';
import type { Endpoint } from './endpoint.ts';

export interface WantedHost {
  /** As addresses are written: `10.0.0.1:80`, `[::1]:80`. */
  readonly address: string;
  /** No other will do. */
  readonly strict: boolean;
  /** Of the answer where no other will do and there is none of that address. */
  readonly missingStatus: number;
}

/** In which health an endpoint may be asked for, where the cluster says nothing (`override_host_status`). */
const statusesDefault: readonly HostStatus[] = ['UNKNOWN', 'HEALTHY', 'DEGRADED'];

export function mayBeWanted(
  endpoint: Endpoint,
  statuses: readonly HostStatus[] = statusesDefault,
  nowMs: number,
): boolean {
  return statuses.includes(statusOf(endpoint, nowMs));
}

/** What checks and ejections found wins over what the configuration says, as in Envoy. */
function statusOf(
  { configuredStatus, ejectedUntilMs, health, unreachable }: Endpoint,
  nowMs: number,
): HostStatus {
  const failed = (health !== null && !health.healthy) || ejectedUntilMs > nowMs || unreachable;
  if (failed) return 'UNHEALTHY';
  if (configuredStatus === 'UNHEALTHY' || configuredStatus === 'DRAINING' || configuredStatus === 'TIMEOUT')
    return configuredStatus;
  return health?.degraded === true ? 'DEGRADED' : configuredStatus;
}
