// Tables: the HTTP filter that holds a request until what it needs of the configuration has come.

import { f, message } from './field.ts';

const odcds = f.refused(1, 'clusters come by CDS, all of them');

export const onDemand = message('envoy.extensions.filters.http.on_demand.v3.OnDemand', { odcds });

export const onDemandPerRoute = message('envoy.extensions.filters.http.on_demand.v3.PerRouteConfig', {
  odcds,
});
