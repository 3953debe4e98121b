// What overload has turned off at the moment: read by the data path for every connection and request, so they are plain
// numbers, 0 while all is well. Shares are those of requests or connections that are concerned.

export class OverloadSwitches {
  /** Answers that end their connection. */
  endKeepAlive = 0;
  rejectConnections = 0;
  refuseRequests = 0;
  /** Makes a handshake's time shorter; null: it has all of it. */
  scaleHandshake: ((ms: number) => number) | null = null;
}
