// What paces bodies: envoy.filters.http.bandwidth_limit, and the fault filter's rate of responses.

import type { BandwidthLimitConfig, FaultConfig } from '../filter-types.ts';
import { type bandwidthLimit, type Faults, type httpFault, join, type MessageOf } from '../schema/index.ts';
import { placeOf } from './rate-limit.ts';
import { shareOf } from './share.ts';

/** Envoy's, for faults and where nothing is said. */
const intervalMs = 50;
const kibibyte = 1024;

export function translateBandwidthLimit(
  message: MessageOf<typeof bandwidthLimit>,
  path: string,
  faults: Faults,
): BandwidthLimitConfig {
  const mode = message.enable_mode ?? 'DISABLED';
  const on = message.runtime_enabled?.default_value ?? true;
  // A rule of ours: Envoy takes this of a listener's filter, and then nothing passes.
  if (message.limit_kbps === undefined && mode !== 'DISABLED')
    faults.add(join(path, 'limit_kbps'), 'must be set');
  return {
    kind: 'bandwidth-limit',
    statPrefix: message.stat_prefix ?? '',
    request: on && (mode === 'REQUEST' || mode === 'REQUEST_AND_RESPONSE'),
    response: on && (mode === 'RESPONSE' || mode === 'REQUEST_AND_RESPONSE'),
    rate: {
      bytesPerSecond: (message.limit_kbps ?? 1) * kibibyte,
      intervalMs: message.fill_interval ?? intervalMs,
    },
    ...placeOf(path),
  };
}

/** What a route says has to name its own. */
export function translateBandwidthRoute(
  message: MessageOf<typeof bandwidthLimit>,
  path: string,
  faults: Faults,
): BandwidthLimitConfig {
  if (message.limit_kbps === undefined && (message.enable_mode ?? 'DISABLED') === 'DISABLED')
    faults.add(join(path, 'limit_kbps'), 'must be set');
  return translateBandwidthLimit(message, path, faults);
}

export function translateResponseRate(
  limit: MessageOf<typeof httpFault>['response_rate_limit'],
  path: string,
  faults: Faults,
): Pick<FaultConfig, 'responseRate'> {
  if (limit === undefined) return {};
  if (limit.fixed_limit === undefined && limit.header_limit === undefined)
    faults.add(path, 'one of fixed_limit, header_limit must be set');
  const fixed = limit.fixed_limit;
  if (fixed !== undefined && fixed.limit_kbps === undefined)
    faults.add(join(join(path, 'fixed_limit'), 'limit_kbps'), 'must be greater than 0');
  const kibibytes = fixed?.limit_kbps ?? null;
  return { responseRate: { kibibytes, intervalMs, share: shareOf(limit.percentage, 0) } };
}
