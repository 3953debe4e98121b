// Access logs of several threads in one file: the first thread writes, one piece after the other, so that lines stay
// whole on pipes too, and a rotation is seen by all.

import type { LogSink, LogSinkHandler } from '../../observe/index.ts';

interface Piece {
  readonly bytes: Uint8Array;
  readonly handler: LogSinkHandler;
}

/** The first thread's: one open sink a path. */
export class SharedSinks {
  private readonly create: (path: string) => LogSink;
  private readonly sinks = new Map<string, SharedSink>();

  constructor(create: (path: string) => LogSink) {
    this.create = create;
  }

  /** Throws when the file cannot be opened. */
  open(path: string): LogSink {
    const sink = this.sinks.get(path) ?? new SharedSink(this.create(path), () => this.sinks.delete(path));
    this.sinks.set(path, sink);
    sink.users += 1;
    return sink;
  }

  /** For another thread. A log that this one does not have is nobody's. */
  write(path: string, bytes: Uint8Array, handler: LogSinkHandler): void {
    const sink = this.sinks.get(path);
    if (sink === undefined) handler.onWritten(new Error('the log is closed'));
    else sink.write(bytes, handler);
  }
}

class SharedSink implements LogSink, LogSinkHandler {
  users = 0;
  private readonly sink: LogSink;
  private readonly onClosed: () => void;
  private readonly pieces: Piece[] = [];
  private writing: Piece | null = null;

  constructor(sink: LogSink, onClosed: () => void) {
    this.sink = sink;
    this.onClosed = onClosed;
  }

  /** Each thread has one piece under way at most, so few can wait. */
  write(bytes: Uint8Array, handler: LogSinkHandler): void {
    this.pieces.push({ bytes, handler });
    this.next();
  }

  onWritten(error: Error | null): void {
    const done = this.writing;
    this.writing = null;
    done?.handler.onWritten(error);
    this.next();
  }

  reopen(): void {
    this.sink.reopen();
  }

  close(): void {
    this.users -= 1;
    if (this.users > 0) return;
    this.onClosed();
    this.sink.close();
  }

  private next(): void {
    if (this.writing !== null) return;
    this.writing = this.pieces.shift() ?? null;
    if (this.writing !== null) this.sink.write(this.writing.bytes, this);
  }
}

/** A further thread's: its bytes go to the first. */
export class RemoteSinks {
  private readonly send: (path: string, bytes: Uint8Array) => void;
  private readonly waiting = new Map<string, LogSinkHandler>();

  constructor(send: (path: string, bytes: Uint8Array) => void) {
    this.send = send;
  }

  open(path: string): LogSink {
    return {
      write: (bytes, handler) => {
        this.waiting.set(path, handler);
        this.send(path, bytes);
      },
      // The first thread does, when it is told.
      reopen() {},
      close() {},
    };
  }

  onWritten(path: string, error: string | null): void {
    const handler = this.waiting.get(path);
    this.waiting.delete(path);
    handler?.onWritten(error === null ? null : new Error(error));
  }
}
