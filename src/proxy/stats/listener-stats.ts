// What is counted per listener. The same rules as cluster-stats.ts.

import { createFaultCounts } from '../../wire/http2/index.ts';
import { type Phase, phases } from './phases.ts';
import { SslStats } from './ssl-stats.ts';

export class ListenerStats {
  readonly ssl = new SslStats();
  /** What HTTP/2 peers did wrong, by the number of its kind (wire/http2). */
  readonly http2Faults = createFaultCounts();
  connectionsTotal = 0;
  /** Those of them that turned out to speak it. */
  http2Connections = 0;
  /** Open connections (gauge). */
  connectionsActive = 0;
  /** Connections reset because there were too many. */
  connectionOverflow = 0;
  /** While overloaded: connections refused, answers that ended their connection, requests answered 503. */
  overloadRejections = 0;
  overloadCloses = 0;
  overloadRefusals = 0;
  overloadShed = 0;
  /** Connections that no filter chain is for, or of which that could not be told in time. */
  noChainMatch = 0;
  entryTimeouts = 0;
  handshakeTimeouts = 0;
  requests = 0;
  /** Requests running (gauge). */
  active = 0;
  /** Final answers by class, index 1 to 5; 0: none was sent. */
  readonly responses = [0, 0, 0, 0, 0, 0];
  /** Requests that the proxy ended, by the phase in which. */
  readonly failedPhases = Object.fromEntries(phases.map((phase) => [phase, 0])) as Record<Phase, number>;
  bytesReceived = 0;
  bytesSent = 0;
  /** Requests that may become tunnels: all of them, those that run (gauge), and those that nobody allows. */
  upgradesTotal = 0;
  upgradesActive = 0;
  upgradesRefused = 0;
  noRoute = 0;
  noCluster = 0;
  /** Clients that left before their answer was complete. */
  cancelled = 0;
  protocolErrors = 0;
  headTimeouts = 0;
  /** Requests that had not arrived whole in their time. */
  requestTimeouts = 0;
  /** Redirects that a route follows and that were passed on, by reason. */
  readonly redirects = { badLocation: 0, unsafeScheme: 0, tooMany: 0, noRoute: 0, predicate: 0 };
  /** Copies for clusters that do not exist. */
  mirrorsLost = 0;
  /** Requests that lasted as long as a stream may. */
  requestsTooLong = 0;
  /** Requests on which nothing moved for too long, and clients that never completed theirs. */
  requestIdleTimeouts = 0;
  idleTimeouts = 0;
  /** Connections that lasted as long as they may. */
  maxDurations = 0;
  /** TLS or HTTP/2 spoken to a plain HTTP/1.1 listener. */
  foreignProtocol = 0;
  /** Connections reset because draining took too long. */
  drainResets = 0;
}
