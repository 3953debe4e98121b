// What a paced body is held in.

import { expect, test } from 'bun:test';
import { VirtualClock } from '../../base/index.ts';
import type { ByteLimit } from '../../policy/index.ts';
import { BodyPace, type PaceLimit } from './body-pace.ts';

/** Lets nothing pass until it is opened. */
class Gate {
  readonly intervalMs = 50;
  open = false;

  take(count: number): number {
    return this.open ? count : 0;
  }

  giveBack(): void {}
}

function setup(send: (pace: BodyPace, piece: Uint8Array) => void) {
  const gate = new Gate();
  const clock = new VirtualClock();
  const body = {
    send(bytes: Uint8Array, start: number, end: number) {
      send(pace, bytes.slice(start, end));
      return true;
    },
    finish() {},
    pauseSource() {},
    resumeSource() {},
  };
  const pace: BodyPace = new BodyPace(clock, body);
  const limit: PaceLimit = {
    bytes: gate as unknown as ByteLimit,
    onIncoming() {},
    onAllowed() {},
    onOver() {},
  };
  pace.add(limit);
  return { clock, gate, pace };
}

test('a body in pieces of a byte goes on in few', () => {
  const sent: Uint8Array[] = [];
  const { clock, gate, pace } = setup((_, piece) => sent.push(piece));
  const bytes = Uint8Array.from({ length: 64 * 1024 }, (_, at) => at % 251);
  for (let at = 0; at < bytes.length; at++) pace.write(bytes, at, at + 1);
  expect(pace.held).toBe(bytes.length);
  gate.open = true;
  clock.advanceTo(clock.now() + 50);
  expect(Buffer.concat(sent)).toEqual(Buffer.from(bytes));
  expect(sent).toHaveLength(16);
  expect(pace.held).toBe(0);
});

test('stopped while it gives, it gives no more', () => {
  const sent: Uint8Array[] = [];
  const { clock, gate, pace } = setup((stopping, piece) => {
    sent.push(piece);
    stopping.stop();
  });
  pace.write(new Uint8Array(5_000), 0, 5_000);
  pace.write(new Uint8Array(5_000), 0, 5_000);
  gate.open = true;
  clock.advanceTo(clock.now() + 200);
  pace.write(new Uint8Array(5), 0, 5);
  expect(sent).toHaveLength(1);
  expect(pace.held).toBe(0);
});
