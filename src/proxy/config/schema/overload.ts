// Tables: envoy.config.overload.v3 and the resource monitors.

import { percent } from './core.ts';
import { f, message, only, positive, required } from './field.ts';

const share = (value: number) => (value >= 0 && value <= 1 ? null : 'must be 0 to 1');

export const fixedHeap = message('envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig', {
  max_heap_size_bytes: f.uint64(1, 'of resident memory (Envoy: of its allocator’s)', positive),
});

export const injectedResource = message(
  'envoy.extensions.resource_monitors.injected_resource.v3.InjectedResourceConfig',
  { filename: f.string(1, 'read again at every refresh', required) },
);

export const downstreamConnections = message(
  'envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
  { max_active_downstream_connections: f.uint64(1, '', positive) },
);

const resourceMonitor = message('envoy.config.overload.v3.ResourceMonitor', {
  name: f.string(1, '', required),
  typed_config: f.any(3, [fixedHeap, injectedResource, downstreamConnections]),
});

const trigger = message(
  'envoy.config.overload.v3.Trigger',
  {
    name: f.string(
      1,
      'a monitor above, or of Weft’s own: weft.resource_monitors.memory (of the cgroup), .descriptors, .loop_lag (of 2 s)',
      required,
    ),
    threshold: f.message(
      2,
      message('envoy.config.overload.v3.ThresholdTrigger', { value: f.double(1, '0 to 1', share) }),
    ),
    scaled: f.message(
      3,
      message('envoy.config.overload.v3.ScaledTrigger', {
        scaling_threshold: f.double(1, '0 to 1', share),
        saturation_threshold: f.double(2, '0 to 1', share),
      }),
    ),
  },
  [['threshold', 'scaled']],
);

const scaleTimer = message(
  'envoy.config.overload.v3.ScaleTimersOverloadActionConfig.ScaleTimer',
  {
    timer: f.enum(
      1,
      {
        UNSPECIFIED: 0,
        HTTP_DOWNSTREAM_CONNECTION_IDLE: 1,
        HTTP_DOWNSTREAM_STREAM_IDLE: 2,
        TRANSPORT_SOCKET_CONNECT: 3,
      },
      'HTTP_DOWNSTREAM_CONNECTION_IDLE, TRANSPORT_SOCKET_CONNECT',
      only('HTTP_DOWNSTREAM_CONNECTION_IDLE', 'TRANSPORT_SOCKET_CONNECT'),
    ),
    min_timeout: f.duration(2),
    min_scale: f.message(3, percent),
  },
  [['min_timeout', 'min_scale']],
);

export const scaleTimers = message('envoy.config.overload.v3.ScaleTimersOverloadActionConfig', {
  timer_scale_factors: f.repeated(f.message(1, scaleTimer)),
});

const action = message('envoy.config.overload.v3.OverloadAction', {
  name: f.string(1, 'envoy.overload_actions. and one of Envoy’s', required),
  triggers: f.repeated(f.message(2, trigger)),
  typed_config: f.any(3, [scaleTimers], 'of envoy.overload_actions.reduce_timeouts'),
});

const loadShedPoint = message('envoy.config.overload.v3.LoadShedPoint', {
  name: f.string(
    1,
    'envoy.load_shed_points. and one of tcp_listener_accept, http_connection_manager_decode_headers, http1_server_abort_dispatch, http2_server_go_away_on_dispatch, http2_server_go_away_and_close_on_dispatch',
    required,
  ),
  triggers: f.repeated(f.message(2, trigger)),
});

export const overloadManager = message('envoy.config.overload.v3.OverloadManager', {
  refresh_interval: f.duration(1, 'default 1s', positive),
  resource_monitors: f.repeated(f.message(2, resourceMonitor)),
  actions: f.repeated(f.message(3, action)),
  loadshed_points: f.repeated(f.message(5, loadShedPoint)),
  buffer_factory_config: f.message(
    4,
    message('envoy.config.overload.v3.BufferFactoryConfig', {
      minimum_account_to_track_power_of_two: f.uint32(1, '10 to 56; 0: nothing is tracked', (value) =>
        value === 0 || (value >= 10 && value <= 56) ? null : 'must be 10 to 56',
      ),
    }),
  ),
});
