// The one table from what went wrong to what the client is told (style rule 21): status, Envoy's flag, one line of
// text. Answers of an inbound listener also say whether the application saw the request (docs/xds.md, x-weft-refused).

import type { ErrorCode, MeshError } from '../../base/index.ts';
import { responseFlags as flag, type ResponseFlag } from '../stats/index.ts';
import type { Denial } from './request-state.ts';

export interface LocalReply {
  readonly status: number;
  readonly flag: ResponseFlag;
  readonly body: string;
  /** Envoy's RESPONSE_CODE_DETAILS. */
  readonly details: string;
}

function reply(status: number, flag: ResponseFlag, details: string, body: string): LocalReply {
  return { status, flag, body, details };
}

/** The attempt ended before its answer began; a reason in braces. */
const reset = (reason: string) => `upstream_reset_before_response_started{${reason}}`;

const closed = 'upstream connection closed before the response was complete';

const maxDurationOver = 'max_duration_timeout';

/** Envoy's: 504 for an endpoint that owed the answer, 408 for a client that owed the rest of its request. */
export function durationOver(requestEnded: boolean): Denial {
  return {
    status: requestEnded ? 504 : 408,
    body: 'downstream duration timeout',
    flag: flag.none,
    details: maxDurationOver,
    fields: [],
  };
}

/** Envoy's answer to an internal caller whose word about its request is none. */
export function badWish([name, value]: readonly [name: string, value: string]): Denial {
  return {
    status: 400,
    body: `invalid header '${name}' with value '${value}'`,
    flag: flag.invalidEnvoyHeaders,
    details: `request_headers_failed_strict_check{${name}}`,
    fields: [],
  };
}

export const localReplies: Readonly<Record<ErrorCode, LocalReply>> = {
  'connect-refused': reply(
    503,
    flag.upstreamConnectFailure,
    reset('remote_connection_failure|delayed_connect_error:_Connection_refused'),
    'upstream connect error: connection refused',
  ),
  'connect-timeout': reply(
    503,
    flag.upstreamConnectFailure,
    reset('connection_timeout'),
    'upstream connect error: timeout',
  ),
  'connect-failed': reply(
    503,
    flag.upstreamConnectFailure,
    reset('remote_connection_failure'),
    'upstream connect error',
  ),
  'tls-failed': reply(
    503,
    flag.upstreamConnectFailure,
    reset('remote_connection_failure'),
    'upstream connect error: TLS handshake failed',
  ),
  'name-not-found': reply(
    503,
    flag.noHealthyUpstream,
    'no_healthy_upstream',
    'no healthy upstream: name not found',
  ),
  'peer-closed': reply(503, flag.upstreamClosed, reset('connection_termination'), closed),
  'peer-reset': reply(
    503,
    flag.upstreamClosed,
    reset('connection_termination'),
    'upstream connection reset before the response was complete',
  ),
  protocol: reply(502, flag.upstreamProtocolError, reset('protocol_error'), 'upstream broke the protocol'),
  'too-large': reply(
    502,
    flag.upstreamProtocolError,
    reset('protocol_error'),
    'upstream response head too large',
  ),
  'head-timeout': reply(408, flag.none, 'request_overall_timeout', 'request timeout'),
  'idle-timeout': reply(504, flag.streamIdle, 'stream_idle_timeout', 'stream timeout'),
  'attempt-timeout': reply(504, flag.upstreamTimeout, 'upstream_per_try_timeout', 'upstream request timeout'),
  'request-timeout': reply(504, flag.upstreamTimeout, 'response_timeout', 'upstream request timeout'),
  overflow: reply(
    503,
    flag.upstreamOverflow,
    reset('overflow'),
    'upstream overflow: a limit of the cluster is reached',
  ),
  dropped: reply(503, flag.dropped, 'drop_overload', 'drop overload'),
  'all-dropped': reply(503, flag.allDropped, 'unconditional_drop_overload', 'unconditional drop overload'),
  'no-route': reply(404, flag.noRoute, 'route_not_found', 'no route'),
  'no-cluster': reply(503, flag.noCluster, 'cluster_not_found', 'no such cluster'),
  'no-endpoint': reply(503, flag.noHealthyUpstream, 'no_healthy_upstream', 'no healthy upstream'),
  misdirected: reply(
    503,
    flag.noHealthyUpstream,
    'no_healthy_upstream',
    'no healthy upstream: the endpoint serves another service',
  ),
  draining: reply(503, flag.localReset, 'draining', 'proxy is shutting down'),
  cancelled: reply(503, flag.localReset, 'cancelled', 'request cancelled'),
  storage: reply(500, flag.localReset, 'internal_error', 'internal error'),
  internal: reply(500, flag.localReset, 'internal_error', 'internal error'),
};

/** Of an answer that had begun. `framed`: over HTTP/1, where an answer without its end breaks the protocol. */
export function truncatedFlags(error: MeshError, framed: boolean): ResponseFlag {
  if (error.code === 'request-timeout' || error.code === 'attempt-timeout') return flag.upstreamTimeout;
  if (error.code === 'idle-timeout') return flag.streamIdle;
  // The stream lasted as long as it may, which was nobody's fault.
  if (error.code === 'cancelled') return flag.none;
  return error.code === 'protocol' || (framed && isCutOff(error))
    ? flag.upstreamProtocolError
    : flag.upstreamClosed;
}

function isCutOff({ code }: MeshError): boolean {
  return code === 'peer-closed' || code === 'peer-reset';
}

/** The same, as Envoy's RESPONSE_CODE_DETAILS. */
export function truncatedDetails(error: MeshError, framed: boolean): string {
  const { code } = error;
  if (code === 'cancelled') return maxDurationOver;
  if (code === 'request-timeout' || code === 'attempt-timeout' || code === 'idle-timeout')
    return localReplies[code].details;
  const broken = code === 'protocol' || code === 'too-large' || (framed && isCutOff(error));
  const reason = broken ? 'protocol_error' : 'connection_termination';
  return `upstream_reset_after_response_started{${reason}}`;
}
