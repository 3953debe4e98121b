// Tables: what holds a request or a connection until what it needs of the configuration has come.

import { configSource } from './core.ts';
import { f, message } from './field.ts';

const incremental =
  'incremental: ads of a bootstrap whose ads_config is DELTA_GRPC, or api_config_source of DELTA_GRPC';
const locator = 'names of clusters are plain ones: Weft has no xdstp collections';

const onDemandCds = message('envoy.extensions.filters.http.on_demand.v3.OnDemandCds', {
  source: f.message(1, configSource, incremental),
  resources_locator: f.refused(2, locator),
  timeout: f.duration(3, 'default 5s'),
});

const odcds = f.message(1, onDemandCds, 'without it the filter asks for virtual hosts alone');

export const onDemand = message('envoy.extensions.filters.http.on_demand.v3.OnDemand', { odcds });

export const onDemandPerRoute = message('envoy.extensions.filters.http.on_demand.v3.PerRouteConfig', {
  odcds,
});

export const tcpOnDemand = message('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.OnDemand', {
  odcds_config: f.message(1, configSource, incremental),
  resources_locator: f.refused(2, locator),
  timeout: f.duration(3, 'default 60s'),
});
