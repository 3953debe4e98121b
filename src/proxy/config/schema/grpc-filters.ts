// Tables: the HTTP filters that know gRPC.

import { f, message, required } from './field.ts';

export const grpcWeb = message('envoy.extensions.filters.http.grpc_web.v3.GrpcWeb', {});

const grpcService = message('envoy.config.core.v3.GrpcMethodList.Service', {
  name: f.string(1, '', required),
  method_names: f.repeated(f.string(2)),
});

export const grpcStats = message(
  'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig',
  {
    emit_filter_state: f.bool(1),
    individual_method_stats_allowlist: f.message(
      2,
      message('envoy.config.core.v3.GrpcMethodList', { services: f.repeated(f.message(1, grpcService)) }),
    ),
    stats_for_all_methods: f.boolValue(3, 'default false; 1,000 methods at most have series of their own'),
    enable_upstream_stats: f.bool(4),
    replace_dots_in_grpc_service_name: f.bool(5),
  },
  [['individual_method_stats_allowlist', 'stats_for_all_methods']],
);
