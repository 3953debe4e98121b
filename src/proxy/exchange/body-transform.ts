// A body that becomes another one on its way: a content coding is put on or taken off, a filter of the user's rewrites
// it.

import { copyBytes } from '../../base/index.ts';
import type { Head } from '../../wire/index.ts';

/** Makes another body of one, piece by piece. Throws {@link TransformError} where it cannot. */
export interface BodyTransform {
  /** The trailers of the message are part of what it makes: nobody else is to send them. */
  readonly takesTrailers?: boolean;
  /**
   * What is to be sent for this piece; empty: nothing yet. Not changed any more, unless it is
   * less than `lastingBytesMin`, which is valid until the next call.
   */
  write(bytes: Uint8Array, start: number, end: number): Uint8Array;
  /** What is left. */
  end(trailers: Head | null): Uint8Array;
  /** The message is over, whole or not. */
  close(): void;
}

/** A body that cannot be made into what it should be. */
export class TransformError extends Error {}

/** `next` takes what `before` makes. */
export function chainTransforms(before: BodyTransform, next: BodyTransform): BodyTransform {
  return new Chained(before, next);
}

class Chained implements BodyTransform {
  private readonly first: BodyTransform;
  private readonly second: BodyTransform;

  constructor(first: BodyTransform, second: BodyTransform) {
    this.first = first;
    this.second = second;
  }

  write(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const between = this.first.write(bytes, start, end);
    return between.length === 0 ? between : this.second.write(between, 0, between.length);
  }

  get takesTrailers(): boolean {
    return this.first.takesTrailers === true || this.second.takesTrailers === true;
  }

  end(trailers: Head | null): Uint8Array {
    const between = this.first.end(trailers);
    const made = between.length === 0 ? between : this.second.write(between, 0, between.length);
    return Buffer.concat([copyBytes(made, 0, made.length), this.second.end(trailers)]);
  }

  close(): void {
    this.first.close();
    this.second.close();
  }
}
