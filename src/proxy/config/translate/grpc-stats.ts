// envoy.filters.http.grpc_stats: which methods have series of their own.

import type { GrpcStatsConfig } from '../filter-types.ts';
import type { grpcStats, MessageOf } from '../schema/index.ts';

export function translateGrpcStats(message: MessageOf<typeof grpcStats>): GrpcStatsConfig {
  const listed = message.individual_method_stats_allowlist?.services ?? [];
  const methods =
    message.stats_for_all_methods === true
      ? 'all'
      : listed.map(({ name = '', method_names }) => ({ service: name, methods: method_names }));
  return {
    kind: 'grpc-stats',
    methods,
    replacesDots: message.replace_dots_in_grpc_service_name === true,
    upstreamTimes: message.enable_upstream_stats === true,
    keepsState: message.emit_filter_state === true,
  };
}
