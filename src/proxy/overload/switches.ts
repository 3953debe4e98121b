// What overload has turned off at the moment: read by the data path for every connection and request, so they are plain
// numbers, 0 while all is well. Shares are those of requests or connections that are concerned.

export class OverloadSwitches {
  /** Answers that end their connection. */
  endKeepAlive = 0;
  rejectConnections = 0;
  /** HTTP/1 connections that are answered 500 and closed when something comes. */
  abortHttp1 = 0;
  /** HTTP/2 connections that are told to go when something comes, which is answered. */
  goAwayHttp2 = 0;
  /** Connections of either kind that end when something comes: with a GOAWAY where there is one. */
  goAwayAndClose = 0;
  refuseRequests = 0;
  /** Makes a handshake's time shorter; null: it has all of it. */
  scaleHandshake: ((ms: number) => number) | null = null;
}
