// CORS as Envoy's filter has it: policies are said by routes, and the filter stands in the listeners that have such
// routes.

import { create } from '@bufbuild/protobuf';
import { CorsPolicySchema, CorsSchema, type HttpFilter, HttpFilterSchema } from '../../xds/api.ts';
import type { CorsSettings } from '../schema/http-filters.ts';
import { packAny } from './messages.ts';

const filterName = 'envoy.filters.http.cors';

export function corsFilter(): HttpFilter {
  const typedConfig = packAny(CorsSchema, {});
  return create(HttpFilterSchema, {
    name: filterName,
    configType: { case: 'typedConfig', value: typedConfig },
  });
}

/** `typed_per_filter_config` of a route. */
export function compileCors(cors: CorsSettings) {
  const { allowOrigins, allowMethods, allowHeaders, exposeHeaders, allowCredentials, maxAge } = cors;
  // A browser that sends credentials takes a star for a name, and HTTPCORSFilter forbids it there.
  const exposed = exposeHeaders.filter((name) => name !== '*' || !allowCredentials);
  return {
    [filterName]: packAny(CorsPolicySchema, {
      allowOriginStringMatch: allowOrigins.map(compileOrigin),
      allowMethods: allowMethods.join(', '),
      allowHeaders: allowHeaders.join(', '),
      exposeHeaders: exposed.join(', '),
      allowCredentials,
      maxAge: String(maxAge),
      // Nobody behind answers for an origin that may not ask.
      forwardNotMatchingPreflights: false,
    }),
  };
}

/** A star stands for any number of labels, and ports count as written. */
function compileOrigin(origin: string) {
  if (!origin.includes('*')) return { matchPattern: { case: 'exact' as const, value: origin } };
  const regex = origin === '*' ? '.*' : origin.replaceAll('.', '\\.').replace('*', '.+');
  return { matchPattern: { case: 'safeRegex' as const, value: { regex } } };
}
