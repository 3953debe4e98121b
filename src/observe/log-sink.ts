// Where log bytes go: a file opened for appending, or a standard stream. The seam keeps AccessLog free of files, and
// lets the simulator collect lines in memory.

import { close, closeSync, openSync, write } from 'node:fs';

export interface LogSinkHandler {
  /** The bytes of the last `write` are out, or lost with `error`. */
  onWritten(error: Error | null): void;
}

export interface LogSink {
  /** Takes all bytes; one write at a time, the next one after `onWritten`. The bytes are the sink's until then. */
  write(bytes: Uint8Array, handler: LogSinkHandler): void;
  /** Goes on in a new file of the same name, after a rotation moved the old one. */
  reopen(): void;
  close(): void;
}

/** `path` is a file (created if missing, appended to), `stdout` or `stderr`. Throws when the file cannot be opened. */
export function createFileSink(path: string): LogSink {
  return new FileSink(path);
}

/** By what configurations call them; `/dev/stdout` would be opened anew, which a pipe or a socket refuses. */
const standardStreams: Readonly<Record<string, number>> = {
  stdout: 1,
  '/dev/stdout': 1,
  stderr: 2,
  '/dev/stderr': 2,
};

class FileSink implements LogSink {
  private readonly path: string;
  private readonly standard: boolean;
  private fd: number;

  constructor(path: string) {
    const standard = standardStreams[path];
    this.standard = standard !== undefined;
    this.path = path;
    this.fd = standard ?? openSync(path, 'a', 0o640);
  }

  write(bytes: Uint8Array, handler: LogSinkHandler): void {
    this.writeFrom(this.fd, bytes, 0, handler);
  }

  reopen(): void {
    if (this.standard) return;
    const fresh = openSync(this.path, 'a', 0o640);
    // A write in flight still holds the old descriptor: the kernel keeps it until that is done, the close waits its
    // turn behind it.
    close(this.fd, () => {});
    this.fd = fresh;
  }

  close(): void {
    if (!this.standard && this.fd >= 0) closeSync(this.fd);
    this.fd = -1;
  }

  private writeFrom(fd: number, bytes: Uint8Array, start: number, handler: LogSinkHandler): void {
    write(fd, bytes, start, bytes.length - start, null, (error, taken) => {
      if (error !== null) handler.onWritten(error);
      else if (start + taken < bytes.length) this.writeFrom(fd, bytes, start + taken, handler);
      else handler.onWritten(null);
    });
  }
}
