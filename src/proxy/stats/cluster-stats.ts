// What is counted per cluster. Plain number fields, written by the data path and read by whoever renders them: counting
// costs an addition and no name is built before somebody asks. Counters only grow; gauges are marked.

import type { ErrorCode } from '../../base/index.ts';
import { Histogram, latencyBoundsSeconds } from '../../observe/index.ts';
import { BalanceCounts, ObjectiveCounts, OutlierCounts, type RetryDecision } from '../../policy/index.ts';
import { createFaultCounts } from '../../wire/http2/index.ts';
import { HealthStats } from './health-stats.ts';
import { ReportCounts } from './report-counts.ts';
import { SslStats } from './ssl-stats.ts';
import { StatusCounts } from './status-counts.ts';

/**
 * Why a retry was made; label `reason`. The error's code, or the class of the answer that was not passed on; hedge: the
 * attempt took too long and goes on.
 */
export type RetryReason = ErrorCode | 'unsent' | 'status-5xx' | 'status-4xx' | 'hedge';

export class ClusterStats {
  readonly ssl = new SslStats();
  /** What HTTP/2 peers did wrong, by the number of its kind (wire/http2). */
  readonly http2Faults = createFaultCounts();
  /** Requests routed here, and how many are running (gauge). */
  requests = 0;
  active = 0;
  /** Final answers by class, index 1 to 5; 0: none was sent (client gone). Own answers included. */
  readonly responses = [0, 0, 0, 0, 0, 0];
  /** Answers of endpoints that were passed on, and those that the proxy gave in their place. */
  readonly upstreamAnswers = new StatusCounts();
  /** Answers after which another attempt was made. */
  readonly retriedAnswers = new StatusCounts();
  attempts = 0;
  retries = 0;
  readonly retriesByReason = new Map<RetryReason, number>();
  retrySuccess = 0;
  /** Failed attempts that were not made again, by what forbade it. */
  readonly retriesRefused = new Map<RetryDecision, number>();
  /** Requests refused by a limit of this cluster. */
  requestOverflow = 0;
  pendingOverflow = 0;
  connectionOverflow = 0;
  /** Attempts waiting for a connection (gauge). */
  pending = 0;
  pendingTotal = 0;
  requestTimeouts = 0;
  attemptTimeouts = 0;
  attemptIdleTimeouts = 0;
  /** Copies of requests that were sent here, and those that had to be left out: a limit, a long body, a client gone. */
  mirrored = 0;
  mirrorsDropped = 0;
  /** Answers that pointed elsewhere where a route follows them: followed, and passed on. */
  redirectsFollowed = 0;
  redirectsFailed = 0;
  /** Clients that left before their answer was complete. */
  cancelled = 0;
  /** Answers cut off after their head was passed on. */
  truncated = 0;
  noEndpoint = 0;
  /** Requests that its endpoints' policy had dropped. */
  dropped = 0;
  connectionsTotal = 0;
  /** Those of them that came to speak it. */
  http1Connections = 0;
  http2Connections = 0;
  /** Open connections, connecting ones included (gauge). */
  connectionsActive = 0;
  connectFailures = 0;
  connectTimeouts = 0;
  /** Times that an endpoint was found out of reach, and connections made to learn whether it is. */
  lostEndpoints = 0;
  redials = 0;
  /** Connections that ended while a request was on them. */
  connectionsLost = 0;
  /** Pooled connections closed by idle time, request count or removal of their endpoint. */
  connectionsRetired = 0;
  ejections = 0;
  readonly outlier = new OutlierCounts();
  readonly health = new HealthStats();
  readonly reports = new ReportCounts();
  /** What was asked of the service's objective; zeroes where it has none. */
  readonly objective = new ObjectiveCounts();
  readonly balance = new BalanceCounts();
  /** Times that endpoints joined or left. */
  membershipChanges = 0;
  /** Sets of endpoints that were used for as long as they may be. */
  staleAssignments = 0;
  /** Of names, in DNS clusters. */
  lookups = 0;
  lookupSuccesses = 0;
  lookupFailures = 0;
  bytesSent = 0;
  bytesReceived = 0;
  /** Believed refusals of the callee's proxy: the request never reached the application. */
  refusedUnsent = 0;
  refusedSent = 0;
  /** Seconds from sending an attempt to its response head. */
  readonly latency = new Histogram(latencyBoundsSeconds);
  /** Seconds from dialling to an open connection. */
  readonly connectTimes = new Histogram(latencyBoundsSeconds);

  countRetry(reason: RetryReason): void {
    this.retries += 1;
    this.retriesByReason.set(reason, (this.retriesByReason.get(reason) ?? 0) + 1);
  }

  countRefusedRetry(decision: RetryDecision): void {
    this.retriesRefused.set(decision, (this.retriesRefused.get(decision) ?? 0) + 1);
  }

  refusedRetries(decision: RetryDecision): number {
    return this.retriesRefused.get(decision) ?? 0;
  }
}
