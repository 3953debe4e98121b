// Tables: envoy.config.bootstrap.v3: the file that `weft proxy -c` reads.

import { cluster } from './cluster.ts';
import { address, apiConfigSource, configSource, node } from './core.ts';
import { f, forPeople, message } from './field.ts';
import { listener } from './listener.ts';
import { overloadManager } from './overload.ts';
import { secret } from './tls.ts';

const admin = message('envoy.config.bootstrap.v3.Admin', {
  address: f.message(3, address, 'default 127.0.0.1:15000'),
  access_log_path: f.string(1, 'not written: Weft logs no admin requests'),
  access_log: f.repeated(f.ignored(5, 'not written: Weft logs no admin requests')),
  profile_path: f.string(2, 'not written'),
});

const staticResources = message('envoy.config.bootstrap.v3.Bootstrap.StaticResources', {
  listeners: f.repeated(f.message(1, listener)),
  clusters: f.repeated(f.message(2, cluster)),
  secrets: f.repeated(f.message(3, secret)),
});

const dynamicResources = message('envoy.config.bootstrap.v3.Bootstrap.DynamicResources', {
  lds_config: f.message(1, configSource),
  cds_config: f.message(2, configSource),
  ads_config: f.message(3, apiConfigSource),
});

/** First words of runtime keys that only tune Envoy itself; any other may stand for a decision about requests. */
const harmlessKeys: ReadonlySet<string> = new Set(['envoy', 're2', 'overload']);

function checkRuntime(layer: Readonly<Record<string, unknown>>): string | null {
  const other = Object.keys(layer).find((key) => !harmlessKeys.has(key.split('.', 1)[0]!));
  return other === undefined
    ? null
    : `the runtime key ${other} is not supported by Weft (docs/envoy-compat.md)`;
}

const runtimeLayer = message('envoy.config.bootstrap.v3.RuntimeLayer', {
  name: f.string(1, forPeople),
  static_layer: f.struct(
    2,
    'keys envoy.*, re2.* and overload.*; read are overload.global_downstream_max_connections and envoy.resource_limits.listener.NAME.connection_limit',
    checkRuntime,
  ),
  admin_layer: f.ignored(4, 'the admin interface changes no runtime keys'),
});

const layeredRuntime = message('envoy.config.bootstrap.v3.LayeredRuntime', {
  layers: f.repeated(f.message(1, runtimeLayer)),
});

const clusterManager = message('envoy.config.bootstrap.v3.ClusterManager', {
  local_cluster_name: f.string(1, 'a static cluster: whose localities zone-aware routing compares'),
  load_stats_config: f.message(
    4,
    apiConfigSource,
    'LRS, whatever the api_type; answers are asked for every 100 ms at most; named metrics are not reported',
  ),
});

export const bootstrap = message('envoy.config.bootstrap.v3.Bootstrap', {
  node: f.message(1, node),
  static_resources: f.message(2, staticResources),
  dynamic_resources: f.message(3, dynamicResources),
  cluster_manager: f.message(4, clusterManager),
  admin: f.message(12, admin),
  stats_config: f.ignored(13, 'Weft’s own statistics are what docs/metrics.md says'),
  stats_flush_interval: f.duration(7, 'statistics are read when they are asked for'),
  overload_manager: f.message(15, overloadManager, 'default: Weft’s own (docs/overload.md)'),
  layered_runtime: f.message(17, layeredRuntime),
  watchdog: f.ignored(8, 'stalls are exported as a metric'),
  watchdogs: f.ignored(27, 'stalls are exported as a metric'),
});
