import { expect, test } from 'bun:test';
import { streamPieces } from './stream-pieces.ts';

test('all pieces, in order, and others have their turn between them', async () => {
  const count = 400;
  let turns = 0;
  let isOver = false;
  const turn = () => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  async function* make(): AsyncGenerator<string> {
    for (let piece = 0; piece < count; piece++) {
      const untilMs = performance.now() + 0.5;
      while (performance.now() < untilMs);
      yield `${piece},`;
    }
  }
  setImmediate(turn);
  const text = await new Response(streamPieces(make())).text();
  isOver = true;
  expect(text).toBe(Array.from({ length: count }, (_, piece) => `${piece},`).join(''));
  // 200 ms of work, in stretches of 5.
  expect(turns).toBeGreaterThan(20);
});

test('a client that leaves ends the making', async () => {
  let made = 0;
  let isEnded = false;
  async function* make(): AsyncGenerator<string> {
    try {
      for (;;) yield `${made++}`.padEnd(1_000);
    } finally {
      isEnded = true;
    }
  }
  const reader = streamPieces(make()).getReader();
  await reader.read();
  await reader.cancel();
  expect([isEnded, made < 1_000]).toEqual([true, true]);
});
