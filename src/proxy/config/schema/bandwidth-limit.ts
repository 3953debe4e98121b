// Table: the filter that paces bodies.

import { f, message, positive, required } from './field.ts';
import { runtimeFlag } from './runtime-flag.ts';

export const bandwidthLimit = message('envoy.extensions.filters.http.bandwidth_limit.v3.BandwidthLimit', {
  stat_prefix: f.string(1, 'of counters and gauges; without the histograms of transfer_duration', required),
  enable_mode: f.enum(2, { DISABLED: 0, REQUEST: 1, RESPONSE: 2, REQUEST_AND_RESPONSE: 3 }),
  limit_kbps: f.uint64Value(
    3,
    'KiB a second, of all requests it is said to; not of upgrades, of answers of our own, or of what a filter before it held',
    positive,
  ),
  fill_interval: f.duration(4, 'default 50ms', (value) =>
    value >= 20 && value <= 1000 ? null : 'must be 20ms to 1s',
  ),
  runtime_enabled: f.message(5, runtimeFlag, 'default true'),
  enable_response_trailers: f.refused(6, 'no trailers are added'),
  response_trailer_prefix: f.refused(7, 'no trailers are added'),
});
