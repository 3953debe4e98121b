// Messages of 100 B on a stream of gRPC, each in a DATA frame of its own, as the stacks of others write them. Both ends
// of a bench use it.

import type { Stream } from '../../src/wire/index.ts';

const prefixBytes = 5;
const messageBytes = prefixBytes + 100;
const message = new Uint8Array(messageBytes).fill(120);
message.set([0, 0, 0, 0, messageBytes - prefixBytes]);

/** False: the window is full. */
export function sendMessage(stream: Stream): boolean {
  return stream.sendBody(message, 0, messageBytes);
}

/** Sends so many, as the window takes them. */
export class MessageSender {
  private readonly stream: Stream;
  private readonly onSent: () => void;
  private left: number;

  /** `onSent`: the last one is sent. */
  constructor(stream: Stream, count: number, onSent: () => void) {
    this.stream = stream;
    this.left = count;
    this.onSent = onSent;
  }

  send(): void {
    while (this.left > 0) {
      this.left -= 1;
      const open = sendMessage(this.stream);
      if (this.left === 0) this.onSent();
      if (!open) return;
    }
  }
}

/** Counts them as their bytes come. */
export class MessageTally {
  count = 0;
  private bytes = 0;

  /** How many came whole with these bytes. */
  add(bytes: number): number {
    this.bytes += bytes;
    const fresh = Math.floor(this.bytes / messageBytes) - this.count;
    this.count += fresh;
    return fresh;
  }
}
