// The one table from what went wrong to what the client is told (style rule 21): status, Envoy's flag, one line of
// text. Answers of an inbound listener also say whether the application saw the request (docs/xds.md, x-weft-refused).

import type { ErrorCode } from '../../base/index.ts';
import { responseFlags as flag, type ResponseFlag } from '../stats/index.ts';

export interface LocalReply {
  readonly status: number;
  readonly flag: ResponseFlag;
  readonly body: string;
}

function reply(status: number, flag: ResponseFlag, body: string): LocalReply {
  return { status, flag, body };
}

const closed = 'upstream connection closed before the response was complete';

export const localReplies: Readonly<Record<ErrorCode, LocalReply>> = {
  'connect-refused': reply(503, flag.upstreamConnectFailure, 'upstream connect error: connection refused'),
  'connect-timeout': reply(503, flag.upstreamConnectFailure, 'upstream connect error: timeout'),
  'connect-failed': reply(503, flag.upstreamConnectFailure, 'upstream connect error'),
  'tls-failed': reply(503, flag.upstreamConnectFailure, 'upstream connect error: TLS handshake failed'),
  'name-not-found': reply(503, flag.noHealthyUpstream, 'no healthy upstream: name not found'),
  'peer-closed': reply(503, flag.upstreamClosed, closed),
  'peer-reset': reply(503, flag.upstreamClosed, 'upstream connection reset before the response was complete'),
  protocol: reply(502, flag.upstreamProtocolError, 'upstream broke the protocol'),
  'too-large': reply(502, flag.upstreamProtocolError, 'upstream response head too large'),
  'head-timeout': reply(408, flag.downstreamProtocolError, 'request head timeout'),
  'idle-timeout': reply(504, flag.streamIdle, 'stream idle timeout'),
  'attempt-timeout': reply(504, flag.upstreamTimeout, 'upstream request timeout'),
  'request-timeout': reply(504, flag.upstreamTimeout, 'upstream request timeout'),
  overflow: reply(503, flag.upstreamOverflow, 'upstream overflow: a limit of the cluster is reached'),
  'no-route': reply(404, flag.noRoute, 'no route'),
  'no-cluster': reply(503, flag.noCluster, 'no such cluster'),
  'no-endpoint': reply(503, flag.noHealthyUpstream, 'no healthy upstream'),
  misdirected: reply(503, flag.noHealthyUpstream, 'no healthy upstream: the endpoint serves another service'),
  draining: reply(503, flag.localReset, 'proxy is shutting down'),
  cancelled: reply(503, flag.localReset, 'request cancelled'),
  storage: reply(500, flag.localReset, 'internal error'),
  internal: reply(500, flag.localReset, 'internal error'),
};
