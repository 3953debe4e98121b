// Named bounds of the data path that no configuration sets. What crosses one has a defined answer, stated beside it.

/** Share of a connection's greatest age that chance takes off, so that those made together do not end together. */
export const ageJitter = 0.1;

export const proxyLimits = {
  /** A copy of a request has an end where its route sets none (Envoy's default for routes). */
  mirrorMs: 15_000,
  /** Of a copy's body at a time. */
  mirrorPieceBytes: 64 * 1024,
  /** Of what an endpoint sends to a check over TCP; more is not looked at. */
  probeBytesMax: 64 * 1024,
  /** Health check events that wait for their file; more are dropped, and counted. */
  eventLogCharsMax: 1024 * 1024,
  /** Retries of one request, whoever asks for more: Envoy's field has no bound, but the attempt's number is sent on. */
  retriesMax: 16,
  /** Accepted connections of all listeners together; more are reset at once. */
  downstreamConnectionsMax: 32_768,
  /** Descriptors that are for nobody's connection: logs, the admin interface, ADS, the runtime's own. */
  openFilesReserved: 32,
  /**
   * A stream on which nothing moves ends after this, where neither route nor cluster says otherwise (Envoy's default).
   */
  streamIdleMs: 300_000,
  /** Body bytes held while a request waits for its connection; more pauses the client. */
  heldBodyBytesMax: 256 * 1024,
  /** Bytes of request bodies kept for retries by the whole proxy; beyond it new ones are not kept, and not retried. */
  replayBytesOfAllMax: 64 * 1024 * 1024,
  /**
   * Memory of reads that bodies kept for retries may hold without being copied, as each counts what it lies in as its
   * own.
   */
  replayPinnedBytesMax: 16 * 1024 * 1024,
  /** A body that no policy asks to repeat is kept this far, for the case that it never reached the application. */
  replayBytesUnasked: 64 * 1024,
  /**
   * Buffer for held and replayable bodies that an idle connection keeps for its next request; a larger one is freed.
   */
  bodyBufferKeptBytes: 16 * 1024,
  /**
   * An answer that will be retried is read to its end, and its connection kept, when it is at most this long; else
   * reset.
   */
  discardBytesMax: 16 * 1024,
  /** Time for reading such an answer; then the connection is reset. */
  discardMs: 1_000,
  /**
   * How much more is read and dropped: of a request that was answered early, before its connection is reset; of a
   * connection that we ended, before nothing more is read of it.
   */
  lingerBytesMax: 1024 * 1024,
  /**
   * The same of a connection of HTTP/2 whose client broke the rules: what it had under way is read into buffers that
   * wait for a collection, and one that floods comes again at once.
   */
  brokenLingerBytesMax: 64 * 1024,
  /**
   * A connection that we ended is let go this long after its last byte arrived; one with bytes under way is looked at
   * this often.
   */
  lingerMs: 2_000,
  lingerCheckMs: 500,
  /**
   * Bytes read ahead of a connection before it is known whose it is; more end it. A ClientHello has a bound of its own
   * below.
   */
  entryBytesMax: 64 * 1024,
  /**
   * A client that ended its side is answered if the answer begins within this; later it counts as gone, and the attempt
   * is cancelled.
   */
  halfClosedMs: 5_000,
  /** Draining ends early when no request began and none was running for this long. */
  drainQuietMs: 1_000,
  /** How often draining looks at its connections. */
  drainCheckMs: 50,
  /** Until it serves for the first time a proxy looks this often whether it does. */
  readinessCheckMs: 100,
  /** Warming resources that a "not ready" names; the rest are counted. */
  reasonsNamedMax: 10,
  /** Endpoints of a cluster that are dialled in the background at a time; the others wait for their turn. */
  redialsMax: 16,
  /** How long such a connection may take where the cluster sets no limit. */
  redialMs: 5_000,
  /** Listeners that could not be bound are tried again after this. */
  bindRetryMs: 1_000,
  /** Addresses that an original-destination cluster knows at once; to a further one nothing connects (503, UH). */
  originalDestinationsMax: 4_096,
  /** Distinct callers (x-weft-peer) that get a label of their own per listener; the rest are "other". */
  peersMax: 64,
  /**
   * Idle connections are looked at this often within their timeout, but no more and no less often than every so many
   * ms.
   */
  sweepsPerTimeout: 4,
  sweepMsMin: 50,
  sweepMsMax: 10_000,
  /** Bytes of an answer to a request of the proxy's own (a check, a set of keys); a longer one is a failure. */
  callAnswerBytesMax: 1024 * 1024,
  /** Time a pooled connection is dropped before the peer's own keep-alive time (`Keep-Alive: timeout=`) is over. */
  keepAliveMarginMs: 1_000,
} as const;
