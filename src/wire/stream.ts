// Stream: what a codec offers above it, alike for HTTP/1.1 and HTTP/2, so that the exchange exists once. Bytes handed
// to a receiver are its to read during the call only. A receiver is called in this order: head, body*, (end | reset);
// nothing follows end or reset.

import type { MeshError } from '../base/index.ts';
import type { Head, RequestHead, ResponseHead } from './head.ts';

/** Where a codec puts its bytes; net's Socket fits. The contract is that of Socket in net/network.ts. */
export interface ByteSink {
  readonly queuedBytes: number;
  write(bytes: Uint8Array, start: number, end: number): boolean;
  writeLatin1(text: string): boolean;
  pause(): void;
  resume(): void;
  end(): void;
  reset(): void;
}

/**
 * A sink that says when a turn ends: a codec whose streams share a connection sends what all of them wrote in one
 * write.
 */
export interface TurnSink extends ByteSink {
  /** Calls `writer.onTurnEnd()` once, before what was written in this turn leaves. */
  flushLater(writer: TurnWriter): void;
  /** Writes bytes that nothing follows in this turn. */
  send(bytes: Uint8Array, start: number, end: number): boolean;
}

export interface TurnWriter {
  onTurnEnd(): void;
}

/** The sending half of a message plus flow control of the receiving half. */
export interface Stream {
  /**
   * Sends body bytes. False: stop until `onWritable`; what did not leave is kept, so bytes of a range of
   * `lastingBytesMin` or more must not change any more. Fewer are copied.
   */
  sendBody(bytes: Uint8Array, start: number, end: number): boolean;
  /**
   * Ends the message, with trailers where the version and the framing can carry them. When this ends the exchange of an
   * HTTP/1 server, its head is over too and the next request may begin before the call returns; a request that has not
   * ended by then is heard of no more.
   */
  sendEnd(trailers: Head | null): void;
  /** Gives the message up: HTTP/1 closes the connection, HTTP/2 sends RST_STREAM. No callback follows. */
  reset(error: MeshError): void;
  /** Stops `onBody` soon: what is already decoded may still come. */
  pause(): void;
  resume(): void;
}

export interface BodyReceiver {
  /** A range of `lastingBytesMin` bytes or more stays as it is; fewer are valid during the call. */
  onBody(bytes: Uint8Array, start: number, end: number): void;
  onEnd(trailers: Head | null): void;
  /** The peer or the connection gave up before the end. */
  onReset(error: MeshError): void;
  /** Sending may go on after `sendBody` returned false. */
  onWritable(): void;
}

/** The exchange's view of a request that came in. */
export type RequestReceiver = BodyReceiver;

/** The exchange's view of the response to a request that it sent. */
export interface ResponseReceiver extends BodyReceiver {
  /** A 1xx other than the 101 that opens a tunnel. */
  onInformational(head: ResponseHead): void;
  /**
   * The final head. With `endStream` no onBody or onEnd follows. The head is valid until the stream ends. One that
   * opens a tunnel (tunnel.ts) is told here too: what follows are its bytes, and each half ends by itself.
   */
  onResponse(head: ResponseHead, endStream: boolean): void;
}

export interface ServerStream extends Stream {
  sendInformational(head: ResponseHead): void;
  /**
   * Sends the final head; the codec sets framing (content-length kept, else chunked, else until close) and connection
   * fields.
   */
  sendResponse(head: ResponseHead, endStream: boolean): void;
  /**
   * Agrees to the upgrade that the request asked for: 101, or a 2xx to CONNECT. From here on both halves are bytes and
   * each ends by itself: `onEnd` may come after `sendEnd`, and the exchange is over when both have been.
   */
  openTunnel(head: ResponseHead): void;
}

export interface ClientStream extends Stream {
  /**
   * True once any byte of the request was given to the connection: it counts as sent. False again where the peer said
   * that it has not looked at it (REFUSED_STREAM, a stream above GOAWAY's last one): to be read when the stream is
   * over.
   */
  readonly sent: boolean;
}

/** The proxy's side of a server connection: what the codec tells about it. */
export interface ServerHost {
  /** First byte of a head arrived on an idle connection: the head timeout starts. */
  onHeadStart(): void;
  /**
   * A request head is complete. The head is valid until the exchange is over (response sent and request body ended).
   * The result receives the rest of the request; with `endStream` nothing more of the body follows (only `onReset`,
   * when the client leaves).
   */
  onRequest(stream: ServerStream, head: RequestHead, endStream: boolean): RequestReceiver;
  /** The exchange is over and the connection is kept: the idle timeout starts. */
  onIdle(): void;
  /**
   * The peer broke a rule. The codec has answered `status` (400, 413, 414, 431, 501, 505), or 0 where an answer had
   * begun, and ends the connection by itself; a running request's receiver hears of it right after. `head` is a
   * complete head that was refused as a whole and became no request, to be read during the call; else null.
   */
  onProtocolError(error: MeshError, status: number, head: RequestHead | null): void;
}

/** A server connection's codec. Fed by the socket's handler. */
export interface ServerCodec {
  receive(bytes: Uint8Array): void;
  /** The peer's FIN. */
  receiveEnd(): void;
  /** The socket is gone: open streams get onReset. */
  closed(error: MeshError | null): void;
  /** The socket's queue drained. */
  drained(): void;
  /**
   * Finish what is running, announce the end (Connection: close, GOAWAY), then end the connection. Without anything
   * running it ends now. An HTTP/1 answer whose head has left cannot announce any more: the connection stays for one
   * request, and that is told.
   */
  drain(): void;
  readonly idle: boolean;
  /** The codec ended the connection and waits for the peer to do so; the owner bounds that time. */
  readonly closing: boolean;
}

/** The pool's side of a client connection. */
export interface ClientHost {
  /**
   * The stream is over (also after reset), said after the receiver heard its last. `reusable`: the connection can take
   * another request now. Without it `onRetired` came before.
   */
  onStreamDone(reusable: boolean): void;
  /** More streams may be started than before (SETTINGS of HTTP/2). Never said by HTTP/1. */
  onCapacity(): void;
  /**
   * Once at most: the connection will take no more streams (Connection: close, GOAWAY, unexpected bytes, FIN while
   * idle).
   */
  onRetired(): void;
}

export interface ClientCodec {
  /** Streams that may be started now: 0 or 1 for HTTP/1.1, what the server allows besides the open ones for HTTP/2. */
  readonly capacity: number;
  /** Requests that ask for a tunnel can be started here. */
  readonly tunnels: boolean;
  /** Sends a request head; the head is only read during the call. */
  start(head: RequestHead, endStream: boolean, receiver: ResponseReceiver): ClientStream;
  receive(bytes: Uint8Array): void;
  receiveEnd(): void;
  closed(error: MeshError | null): void;
  drained(): void;
}
