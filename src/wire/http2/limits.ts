// Every bound of the HTTP/2 codecs, by name. What is a peer's to choose is announced in SETTINGS; what it does beyond
// ends the connection with GOAWAY (ENHANCE_YOUR_CALM where it is too much of what is allowed), so that its memory is
// free at once. errors.ts has the answers.

export interface Http2Limits {
  /**
   * Streams that the peer may have open at once (SETTINGS_MAX_CONCURRENT_STREAMS). Over it: REFUSED_STREAM, and it
   * counts as a reset.
   */
  readonly concurrentStreamsMax: number;
  /**
   * Bytes of a header list as RFC 7541 counts them. Over it: 431 to a request, a reset of the stream for a response.
   */
  readonly headerListBytesMax: number;
  /** Field lines of a head or a trailer section. Over it: the same. */
  readonly headerCountMax: number;
  /** Bytes of a field block as it travels, HEADERS and CONTINUATION together. Over it: the connection ends. */
  readonly headerBlockBytesMax: number;
  /** CONTINUATION frames of one field block. Over it: the connection ends. */
  readonly continuationCountMax: number;
  /** Bytes of the peer's dynamic table (SETTINGS_HEADER_TABLE_SIZE). */
  readonly tableBytesMax: number;
  /**
   * Body bytes of a stream that may be under way to us (SETTINGS_INITIAL_WINDOW_SIZE): also what a paused stream costs
   * at most.
   */
  readonly streamWindowBytes: number;
  /** The same for the connection. */
  readonly connectionWindowBytes: number;
  /** Bytes of a request body. Over it: 413. */
  readonly bodyBytesMax: number;
  /** Informational responses to one request. Over it: the stream is reset. */
  readonly informationalCountMax: number;
  /** Bytes that wait for the peer's windows, all streams together. Over it: the connection ends. */
  readonly queuedBytesMax: number;
  /**
   * Bytes of answers to the peer's control frames (SETTINGS, PING, RST_STREAM) that it does not read. Over it: the
   * connection ends.
   */
  readonly controlBytesMax: number;
  /**
   * Streams that the client resets, or makes us reset, a second: what rapid reset and its kin cost us. Over it: the
   * connection ends.
   */
  readonly resetsPerSecondMax: number;
  /** Frames that lie between us and a socket that takes no more. Over it: the connection ends. */
  readonly outboundFramesMax: number;
  /** Of them, answers to the peer's control frames. */
  readonly outboundControlFramesMax: number;
  /** SETTINGS frames a second. */
  readonly settingsPerSecondMax: number;
  /** PING frames a second, beyond one for each DATA frame that we sent. */
  readonly pingsPerSecondMax: number;
  /**
   * PINGs that come sooner after one another than this, with no DATA of ours between them, are strikes; the third ends
   * the connection (gRPC's keepalive rule, proposal A8). 0: none are.
   */
  readonly pingGapMs: number;
  /** PRIORITY, PRIORITY_UPDATE and unknown frames a second, which say nothing to us. */
  readonly ignoredPerSecondMax: number;
  /** WINDOW_UPDATE frames a second beyond what the DATA that we sent explains. */
  readonly windowUpdatesPerSecondMax: number;
  /**
   * WINDOW_UPDATE frames ever, for each DATA frame of ours: at most `5 + 2 * (streams + this * DATA frames)`, as Envoy
   * counts.
   */
  readonly windowUpdatesPerDataFrameMax: number;
  /** PRIORITY frames ever: at most this for each stream, and for one more. */
  readonly prioritiesPerStreamMax: number;
  /** DATA, HEADERS and CONTINUATION frames, one behind another, that carry nothing and end nothing. */
  readonly emptyFramesInRowMax: number;
  /** DATA, HEADERS and CONTINUATION frames a second that carry nothing and end nothing. */
  readonly emptyFramesPerSecondMax: number;
}

export const defaultHttp2Limits: Http2Limits = {
  concurrentStreamsMax: 100,
  headerListBytesMax: 64 * 1024,
  headerCountMax: 100,
  headerBlockBytesMax: 64 * 1024,
  continuationCountMax: 8,
  tableBytesMax: 4096,
  streamWindowBytes: 256 * 1024,
  connectionWindowBytes: 1024 * 1024,
  bodyBytesMax: Number.MAX_SAFE_INTEGER,
  informationalCountMax: 16,
  queuedBytesMax: 32 * 1024 * 1024,
  controlBytesMax: 64 * 1024,
  outboundFramesMax: 10_000,
  outboundControlFramesMax: 1000,
  resetsPerSecondMax: 200,
  settingsPerSecondMax: 20,
  pingsPerSecondMax: 50,
  pingGapMs: 0,
  ignoredPerSecondMax: 1000,
  windowUpdatesPerSecondMax: 2000,
  windowUpdatesPerDataFrameMax: 10,
  prioritiesPerStreamMax: 100,
  emptyFramesInRowMax: 1,
  emptyFramesPerSecondMax: 100,
};
