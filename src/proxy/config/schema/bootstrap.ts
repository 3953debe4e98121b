// Tables: envoy.config.bootstrap.v3: the file that `weft proxy -c` reads.

import { cluster } from './cluster.ts';
import { address, apiConfigSource, configSource, node } from './core.ts';
import { f, message, only } from './field.ts';
import { listener } from './listener.ts';

const admin = message('envoy.config.bootstrap.v3.Admin', {
  address: f.message(3, address, 'default 127.0.0.1:15000'),
  access_log_path: f.string(1, '/dev/null', only('/dev/null')),
});

const staticResources = message('envoy.config.bootstrap.v3.Bootstrap.StaticResources', {
  listeners: f.repeated(f.message(1, listener)),
  clusters: f.repeated(f.message(2, cluster)),
});

const dynamicResources = message('envoy.config.bootstrap.v3.Bootstrap.DynamicResources', {
  lds_config: f.message(1, configSource, 'ads'),
  cds_config: f.message(2, configSource, 'ads'),
  ads_config: f.message(3, apiConfigSource),
});

export const bootstrap = message('envoy.config.bootstrap.v3.Bootstrap', {
  node: f.message(1, node),
  static_resources: f.message(2, staticResources),
  dynamic_resources: f.message(3, dynamicResources),
  admin: f.message(12, admin),
});
