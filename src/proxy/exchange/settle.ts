// The end of an exchange, whatever its outcome: limits are released, the books are closed, the log is written. Every request passes here
// exactly once, before its last byte is sent: sending that may begin the connection's next request.

import { formatAddress } from '../../net/index.ts';
import { headerId } from '../../wire/index.ts';
import { statusClass } from './attempt.ts';
import type { Exchange } from './exchange.ts';

export function settle(exchange: Exchange, nowMs: number): void {
  const { listener, cluster, status } = exchange;
  const durationMs = nowMs - exchange.startedMs;
  const answerClass = statusClass(status);
  const { stats } = listener;
  stats.active -= 1;
  stats.responses[answerClass]! += 1;
  stats.bytesReceived += exchange.bytesReceived;
  stats.bytesSent += exchange.bytesSent;
  if (cluster !== null) {
    cluster.breaker.releaseRequest();
    cluster.stats.active -= 1;
    cluster.stats.responses[answerClass]! += 1;
    cluster.stats.bytesReceived += exchange.bytesSent;
  }
  const route = exchange.route === null ? '' : exchange.route.name;
  const service = cluster === null ? '' : cluster.config.service;
  listener.traffic.find(route, service, exchange.peer).record(answerClass, durationMs / 1000);
  if (listener.accessLog !== null) writeLog(exchange, durationMs);
  exchange.state = 'idle';
  exchange.body.reset();
  exchange.connection.onSettled(nowMs, exchange.requestEnded);
}

function writeLog(exchange: Exchange, durationMs: number): void {
  const entry = exchange.context.logEntry;
  const head = exchange.head!;
  const { endpoint } = exchange.attempt;
  entry.startWallMs = exchange.startedWallMs;
  entry.method = exchange.method;
  entry.path = exchange.receivedPath ?? head.path;
  entry.authority = head.authority;
  entry.protocol = head.version === 0 ? 'HTTP/1.0' : 'HTTP/1.1';
  entry.responseCode = exchange.status;
  entry.responseFlags = exchange.flags;
  entry.bytesReceived = exchange.bytesReceived;
  entry.bytesSent = exchange.bytesSent;
  entry.durationMs = durationMs;
  entry.upstreamHost = exchange.attempts > 0 && endpoint !== null ? endpoint.key : '';
  entry.upstreamCluster = exchange.cluster === null ? '' : exchange.cluster.name;
  entry.routeName = exchange.route === null ? '' : exchange.route.name;
  entry.requestId = exchange.requestId;
  entry.traceId = exchange.traceId ?? '';
  entry.userAgent = head.get(headerId['user-agent']) ?? '';
  entry.attempts = exchange.attempts;
  entry.downstreamAddress = formatAddress(exchange.connection.remote);
  entry.direction = exchange.listener.config.direction;
  exchange.listener.accessLog!.write(entry);
}
