// Connections over a limit that are kept for a while before they end, in virtual time.

import { expect, test } from 'bun:test';
import { VirtualClock } from '../../base/index.ts';
import type { Socket } from '../../net/index.ts';
import { localCounters } from '../../policy/index.ts';
import type { ExchangeContext } from '../exchange/index.ts';
import type { Ends } from '../filters/index.ts';
import { listenerConfig } from '../testing/configs.ts';
import { answer200 } from '../testing/peers.ts';
import { World } from '../testing/world.ts';
import { DelayedRefusal, delayedMax } from './delayed-refusal.ts';
import { NetworkChain } from './network-chain.ts';
import { rejected } from './rejected.ts';

const limited = (delayMs: number) =>
  ({ kind: 'connection-limit', statPrefix: 'few', connectionsMax: 1, delayMs }) as const;

function setup(delayMs: number) {
  const world = new World();
  world.serve([world.origin(answer200)], { listeners: [listenerConfig({ network: [limited(delayMs)] })] });
  const first = world.client().get('/');
  world.run(100);
  expect(first.received).toContain('200');
  return world;
}

test('without a delay the connection over the limit ends at once', () => {
  const world = setup(0);
  const second = world.client().get('/');
  world.run(100);
  expect([second.closed, second.received]).toEqual(['broken', '']);
});

test('with one it is kept, unserved, until then', () => {
  const world = setup(5_000);
  const second = world.client().get('/');
  world.run(4_800);
  expect(second.closed).toBeNull();
  world.run(400);
  expect([second.closed, second.received]).toEqual(['broken', '']);
});

test('a client that leaves is not kept', () => {
  const world = setup(5_000);
  const second = world.client().get('/');
  world.run(100);
  second.socket.end();
  world.run(100);
  expect(second.closed).toBe('broken');
});

function chainWith(acceptedMax: number) {
  const gauge = localCounters.createGauge('accepted connections');
  const clock = new VirtualClock();
  const context = { clock, counters: localCounters, accepted: { gauge, max: acceptedMax } };
  return { gauge, chain: new NetworkChain('l', [limited(5_000)], context as unknown as ExchangeContext) };
}

test('they take half of the room for connections at most, and give it back', () => {
  const { chain, gauge } = chainWith(8);
  const ends = {} as Ends;
  expect(chain.judge(ends)).toBeNull();
  gauge.add(1);
  const judged = Array.from({ length: 5 }, () => chain.judge(ends));
  expect(judged.map((handler) => handler instanceof DelayedRefusal)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
  expect(gauge.value).toBe(4);
  for (const handler of judged.slice(0, 3)) handler?.onClose({} as Socket, null);
  expect(gauge.value).toBe(1);
});

test('no more than so many are kept, and one that is gone makes room', () => {
  const { chain } = chainWith(Number.POSITIVE_INFINITY);
  const ends = {} as Ends;
  expect(chain.judge(ends)).toBeNull();
  const kept = Array.from({ length: delayedMax }, () => chain.judge(ends));
  expect(kept.every((handler) => handler instanceof DelayedRefusal)).toBe(true);
  expect(chain.judge(ends)).toBe(rejected);
  kept[0]?.onClose({} as Socket, null);
  expect(chain.judge(ends)).toBeInstanceOf(DelayedRefusal);
});
