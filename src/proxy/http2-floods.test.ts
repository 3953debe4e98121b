// Floods of every kind against a listener over real sockets: each ends its connection and is counted, others are served
// meanwhile, and no memory stays.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { floods, startFlood } from '../testing/http2-floods.ts';
import { until } from '../testing/until.ts';
import { http2Event, http2FaultNames } from '../wire/http2/index.ts';
import { RealWorld } from './testing/real.ts';
import { expectBooksBalance } from './testing/world.ts';

setDefaultTimeout(60_000);

/** The counters that may end each of them. */
const counters: Readonly<Record<string, readonly string[]>> = {
  'rapid reset': ['resetRate'],
  'made you reset': ['resetRate'],
  CONTINUATION: ['continuationCount'],
  SETTINGS: ['settingsRate'],
  PING: ['pingRate', 'outboundControlFrames'],
  PRIORITY: ['ignoredRate', 'priorityCount'],
  WINDOW_UPDATE: ['windowUpdateCount'],
  'empty DATA': ['emptyFramesInRow'],
  'unknown frames': ['ignoredRate'],
  'requests without reading': ['resetRate', 'outboundFrames'],
  'zero window': ['resetRate', 'queuedBytes'],
  'HPACK bombs': ['resetRate'],
};
const grownBytesMax = 64 * 1024 * 1024;

let world: RealWorld;

beforeAll(() => {
  world = new RealWorld();
  world.serve([world.origin().port]);
});
afterAll(() => world.stop());

function faults(): ReadonlyMap<string, number> {
  const { http2Faults } = world.plane.listeners.get('outbound')!.stats;
  return new Map(http2FaultNames.map((name, index) => [name, http2Faults[index]!]));
}

for (const flood of floods) {
  test(`${flood.name}: it is ended and counted, others are served`, async () => {
    const port = world.address.kind === 'ip' ? world.address.port : 0;
    Bun.gc(true);
    const before = { faults: faults(), rss: process.memoryUsage().rss };
    const names = counters[flood.name]!;
    const caught = (): boolean => names.some((name) => faults().get(name)! > before.faults.get(name)!);
    const { ended, stop } = startFlood(flood, port);
    const others = await Promise.all(
      Array.from({ length: 20 }, (_, at) => fetch(`${world.url}/${at}`, { headers: { host: 'ledger' } })),
    );
    expect(others.map(({ status }) => status)).toEqual(others.map(() => 200));
    await until('the flood is ended', caught);
    // What a collection leaves: the rest comes and goes, and this process has more to do than this proxy.
    Bun.gc(true);
    expect(process.memoryUsage().rss - before.rss).toBeLessThan(grownBytesMax);
    stop();
    await ended;
  });
}

test('nothing of them is left', async () => {
  const { stats } = world.plane.listeners.get('outbound')!;
  await until('their streams are gone', () => stats.http2Faults[http2Event.streamsActive] === 0);
  expect(stats.http2Faults[http2Event.pendingBytes]).toBe(0);
  expectBooksBalance(world.plane);
});
