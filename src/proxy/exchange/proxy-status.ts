// Proxy-Status (RFC 9209) of the proxy's own answers: which error, by what was noted of the request, as Envoy maps it.

import { fieldValueFault } from '../../policy/index.ts';
import type { ProxyStatusOptions } from '../config/special-types.ts';
import { responseFlags as flag, type ResponseFlag } from '../stats/index.ts';
import type { RequestState } from './request-state.ts';

export interface ProxyStatus {
  readonly value: string;
  /** What the RFC recommends for the error; null: nothing. */
  readonly status: number | null;
}

type ErrorName = keyof typeof recommended;

/** RFC 9209 section 2.3. */
const recommended = {
  destination_unavailable: 503,
  destination_not_found: 500,
  connection_refused: 502,
  connection_terminated: 502,
  connection_timeout: 504,
  connection_limit_reached: 503,
  http_response_timeout: 504,
  http_protocol_error: 502,
  http_request_error: null,
} as const;

/** The first that was noted decides. */
const errors: readonly (readonly [ResponseFlag, ErrorName])[] = [
  [flag.healthFailed, 'destination_unavailable'],
  [flag.noHealthyUpstream, 'destination_unavailable'],
  [flag.upstreamTimeout, 'http_response_timeout'],
  [flag.localReset, 'connection_timeout'],
  [flag.upstreamConnectFailure, 'connection_refused'],
  [flag.upstreamClosed, 'connection_terminated'],
  [flag.upstreamOverflow, 'connection_limit_reached'],
  [flag.noRoute, 'destination_not_found'],
  [flag.rateLimited, 'connection_limit_reached'],
  [flag.retryLimit, 'destination_unavailable'],
  [flag.streamIdle, 'http_response_timeout'],
  [flag.downstreamProtocolError, 'http_request_error'],
  [flag.upstreamProtocolError, 'http_protocol_error'],
  [flag.noCluster, 'destination_unavailable'],
];

/** null: nothing went wrong that the RFC has a name for. */
export function proxyStatusOf(request: RequestState, options: ProxyStatusOptions): ProxyStatus | null {
  const noted = request.flags.split(',');
  const found = errors.find(([one]) => noted.includes(one));
  if (found === undefined) return null;
  const { serverName } = request.listener.http;
  const { id } = request.context.node;
  const named = typeof options.name === 'string' ? options.name : fieldValueFault(id) === null ? id : '';
  const parts = [named || serverName || 'weft', `error=${found[1]}`];
  const details = [request.details, ...(options.flags ? [request.flags] : [])].filter((one) => one !== '');
  if (options.details && details.length > 0)
    parts.push(`details="${details.join('; ').replace(/["\\]/g, '\\$&')}"`);
  return { value: parts.join('; '), status: recommended[found[1]] };
}
