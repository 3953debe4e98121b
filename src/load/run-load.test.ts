import { describe, expect, test } from 'bun:test';
import { VirtualClock, Xoshiro128 } from '../base/index.ts';
import { type Address, createMemoryNetwork, type MemoryNetwork } from '../net/index.ts';
import { createFixedRequests, type FixedRequest } from './fixed-requests.ts';
import { createClockPacer } from './pacer.ts';
import { startLoad } from './run-load.ts';
import { TestServer } from './test-server.ts';
import type { LoadInterval, LoadOptions, LoadReport, LoadResult } from './types.ts';

const address: Address = { kind: 'ip', host: '127.0.0.1', port: 8080 };
const get: FixedRequest = {
  target: 0,
  method: 'GET',
  authority: 'ledger',
  path: '/balance?x=1',
  headers: [['accept', '*/*']],
  body: null,
  call: null,
  weight: 1,
  secure: false,
  idempotencyKey: false,
  expects: (status) => status < 400,
};

interface World {
  readonly clock: VirtualClock;
  readonly random: Xoshiro128;
  readonly network: MemoryNetwork;
  readonly server: TestServer;
}

function createWorld(seed = 1): World {
  const clock = new VirtualClock();
  const random = new Xoshiro128(seed);
  const network = createMemoryNetwork({ clock, random });
  return { clock, random, network, server: new TestServer(network, clock, address) };
}

function optionsOf(
  world: World,
  changes: Partial<LoadOptions> = {},
  requests: readonly FixedRequest[] = [get],
): LoadOptions {
  const { clock, random, network } = world;
  return {
    clock,
    random,
    network,
    pacer: createClockPacer(clock),
    targets: [address],
    maker: createFixedRequests(requests, 'run', random),
    ratePerSecond: 100,
    arrivals: 'constant',
    durationMs: 10_000,
    warmupMs: 0,
    connections: 10,
    streams: 0,
    timeoutMs: 5000,
    observer: null,
    intervalMs: 1000,
    ...changes,
  };
}

/** Plays the run to its end; `during` sees it at each whole second. */
async function play(
  world: World,
  options: LoadOptions,
  during: (second: number, stop: () => void) => void = () => {},
): Promise<LoadReport> {
  const run = startLoad(options);
  let over = false;
  void run.done.then(() => {
    over = true;
  });
  for (let second = 0; !over && second < 1000; second++) {
    during(second, run.stop.bind(run));
    world.clock.advanceBy(1000);
    await Promise.resolve();
  }
  expect(over).toBe(true);
  return run.done;
}

describe('an open loop', () => {
  test('sends at its rate, each request once, over all its connections', async () => {
    const world = createWorld();
    const report = await play(world, optionsOf(world));
    expect(report).toMatchObject({
      due: 1000,
      sent: 1000,
      succeeded: 1000,
      failed: 0,
      unfinished: 0,
      interrupted: false,
    });
    expect(report.statuses).toEqual({ 200: 1000 });
    expect(report.statusClasses).toEqual({ '2xx': 1000 });
    expect(world.server.requests.length).toBe(1000);
    expect(world.server.connections).toBe(10);
    expect(world.server.requests[0]).toMatchObject({
      method: 'GET',
      authority: 'ledger',
      path: '/balance?x=1',
    });
    expect(Math.abs(report.throughputPerSecond - 100)).toBeLessThan(1);
    expect(report.latenessMs?.max).toBeLessThanOrEqual(1);
  });

  test('keeps its rate when answers are slow, and counts what they make wait', async () => {
    const world = createWorld();
    // One second of silence, from 5 s on: everything due meanwhile waits for its end.
    world.server.delayMs = (nowMs) => (nowMs >= 5000 && nowMs < 6000 ? 6000 - nowMs : 1);
    const report = await play(world, optionsOf(world));
    expect(report.succeeded).toBe(1000);
    // A tenth of the requests was due in that second, evenly: their latencies are spread evenly over it.
    expect(report.latencyMs?.p50).toBeLessThan(5);
    expect(report.latencyMs?.p99).toBeGreaterThan(850);
    expect(report.latencyMs?.p99).toBeLessThan(950);
    expect(report.latencyMs?.max).toBeGreaterThan(980);
    // A closed loop of ten connections would have seen ten slow requests, 1 %: its service times show it.
    expect(report.serviceMs?.p90).toBeLessThan(5);
    expect(world.server.requests.filter(({ atMs }) => atMs >= 5010 && atMs < 5990).length).toBeLessThan(15);
  });

  test('arrivals at random have the same rate and other gaps', async () => {
    const world = createWorld(3);
    const report = await play(world, optionsOf(world, { arrivals: 'poisson', durationMs: 20_000 }));
    expect(Math.abs(report.due - 2000)).toBeLessThan(3.3 * Math.sqrt(2000));
    const times = world.server.requests.map(({ atMs }) => atMs);
    const gaps = times.slice(1).map((time, index) => time - times[index]!);
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
    // Exponential gaps vary as much as their mean; even ones would not vary.
    expect(Math.abs(Math.sqrt(variance) / mean - 1)).toBeLessThan(0.1);
  });

  test('the warm-up is sent but not reported', async () => {
    const world = createWorld();
    world.server.delayMs = (nowMs) => (nowMs < 2000 ? 500 : 1);
    const report = await play(world, optionsOf(world, { warmupMs: 3000, connections: 100 }));
    expect(world.server.requests.length).toBe(1300);
    expect(report.due).toBe(1000);
    expect(report.latencyMs?.max).toBeLessThan(10);
  });

  test('the same seed gives the same report', async () => {
    const once = async (seed: number): Promise<LoadReport> => {
      const world = createWorld(seed);
      world.server.delayMs = () => world.random.below(50);
      return play(world, optionsOf(world, { arrivals: 'poisson', durationMs: 3000 }));
    };
    expect(await once(5)).toEqual(await once(5));
    expect(await once(5)).not.toEqual(await once(6));
  });
});

describe('failures', () => {
  test('nobody listens: every request fails by its reason, none waits', async () => {
    const world = createWorld();
    world.server.close();
    const report = await play(world, optionsOf(world, { durationMs: 2000 }));
    expect(report).toMatchObject({
      due: 200,
      sent: 0,
      succeeded: 0,
      failed: 200,
      failures: { 'connect-refused': 200 },
      waited: 0,
    });
    expect([report.latencyMs, report.serviceMs]).toEqual([null, null]);
  });

  test('connections that fail more slowly than requests come: nobody is left waiting for one', async () => {
    const world = createWorld();
    const far: Address = { kind: 'ip', host: '10.0.0.1', port: 80 };
    world.network.createProcess('server', far.host);
    world.network.setConditions('127.0.0.1', far.host, { latencyMs: 100 });
    const slow = { targets: [far], connections: 2, durationMs: 1000, timeoutMs: 60_000 };
    const report = await play(world, optionsOf(world, slow));
    expect(report.failures).toEqual({ 'connect-refused': 100 });
  });

  test('an unexpected status is a failure, and still counted as a response', async () => {
    const world = createWorld();
    world.server.status = 503;
    const report = await play(world, optionsOf(world, { durationMs: 1000 }));
    expect(report).toMatchObject({
      succeeded: 0,
      failed: 100,
      failures: { status: 100 },
      statuses: { 503: 100 },
    });
  });

  test('no answer within the timeout, sent or not, fails', async () => {
    const world = createWorld();
    world.server.delayMs = () => Number.POSITIVE_INFINITY;
    const report = await play(
      world,
      optionsOf(world, { ratePerSecond: 300, durationMs: 1000, timeoutMs: 2000 }),
    );
    expect(report).toMatchObject({ due: 300, failed: 300, failures: { timeout: 300 } });
    // Ten connections took a request each, and so did their replacements once those were given up; the others never
    // left.
    expect(report.sent).toBeGreaterThan(10);
    expect(report.sent).toBeLessThan(200);
    expect(report.elapsedMs).toBeLessThan(3300);
  });

  test('a server that comes back is used again', async () => {
    const world = createWorld();
    const server = world.network.createProcess('server', '10.0.0.1');
    const far: Address = { kind: 'ip', host: '10.0.0.1', port: 80 };
    new TestServer(server, world.clock, far);
    const report = await play(world, optionsOf(world, { targets: [far] }), (second) => {
      if (second === 3) server.kill();
      if (second === 6) new TestServer(world.network.createProcess('again', '10.0.0.1'), world.clock, far);
    });
    expect(report.due).toBe(1000);
    expect(report.failed).toBeGreaterThanOrEqual(290);
    expect(report.failed).toBeLessThanOrEqual(310);
    expect(report.succeeded + report.failed).toBe(1000);
  });

  test('connections that the server closes in order are replaced without a failure', async () => {
    const world = createWorld();
    world.server.requestsPerConnection = 7;
    const report = await play(world, optionsOf(world));
    expect(report).toMatchObject({ succeeded: 1000, failed: 0 });
    expect(world.server.connections).toBeGreaterThan(140);
  });
});

describe('stopping', () => {
  test('ends early with what was done', async () => {
    const world = createWorld();
    const report = await play(world, optionsOf(world), (second, stop) => {
      if (second === 4) stop();
    });
    expect(report).toMatchObject({ interrupted: true, failed: 0, unfinished: 0 });
    expect(Math.abs(report.due - 400)).toBeLessThan(5);
  });

  test('does not wait for answers that never come, and counts them as neither', async () => {
    const world = createWorld();
    world.server.delayMs = (nowMs) => (nowMs < 2000 ? 1 : Number.POSITIVE_INFINITY);
    const report = await play(world, optionsOf(world), (second, stop) => {
      if (second === 3) stop();
    });
    expect(report.failed).toBe(0);
    expect(report.unfinished).toBeGreaterThan(90);
    expect(report.due).toBe(report.succeeded + report.unfinished);
  });

  test('before the first connection is an empty report', async () => {
    const world = createWorld();
    const run = startLoad(optionsOf(world));
    run.stop();
    run.stop();
    expect(await run.done).toMatchObject({ due: 0, interrupted: true });
  });
});

describe('observers', () => {
  test('see every result and every interval', async () => {
    const world = createWorld();
    const results: Pick<LoadResult, 'sequence' | 'failure' | 'status' | 'warmup'>[] = [];
    const intervals: LoadInterval[] = [];
    let bodyBytes = 0;
    const report = await play(
      world,
      optionsOf(world, {
        durationMs: 5000,
        warmupMs: 1000,
        observer: {
          onResult: ({ sequence, failure, status, warmup }) =>
            results.push({ sequence, failure, status, warmup }),
          onInterval: (interval) => intervals.push(interval),
          onBody: (_sequence, _bytes, start, end) => {
            bodyBytes += end - start;
          },
        },
      }),
    );
    expect(results.map(({ sequence }) => sequence).sort((left, right) => left - right)).toEqual(
      Array.from({ length: 600 }, (_, index) => index),
    );
    expect(results.filter(({ warmup }) => warmup).length).toBe(100);
    expect(bodyBytes).toBe(1200);
    expect(intervals.reduce((sum, { succeeded }) => sum + succeeded, 0)).toBe(600);
    expect(intervals[0]!.startMs).toBe(-1000);
    expect(Math.abs(intervals[2]!.succeeded - 100)).toBeLessThan(3);
    expect(report.succeeded).toBe(500);
  });
});

describe('what is reported', () => {
  test.each([
    [10, 400],
    [10, 1000],
    [3, 2000],
  ])('a rate of %i for %i ms is reported as itself', async (ratePerSecond, durationMs) => {
    const world = createWorld();
    const report = await play(world, optionsOf(world, { ratePerSecond, durationMs }));
    expect(report).toMatchObject({ elapsedMs: durationMs, due: (ratePerSecond * durationMs) / 1000 });
    expect(Math.abs(report.throughputPerSecond - ratePerSecond)).toBeLessThan(0.05);
  });

  test('a run that is stopped counts over the time that it had', async () => {
    const world = createWorld();
    const report = await play(world, optionsOf(world, { ratePerSecond: 10 }), (second, stop) => {
      if (second === 2) stop();
    });
    expect(Math.abs(report.elapsedMs - 2000)).toBeLessThan(5);
  });

  test('requests that found every connection busy are counted', async () => {
    const world = createWorld();
    world.server.delayMs = () => 100;
    const plenty = await play(world, optionsOf(world, { connections: 20, durationMs: 1000 }));
    expect(plenty.waited).toBe(0);
    const few = await play(world, optionsOf(world, { connections: 5, durationMs: 1000, warmupMs: 1000 }));
    expect(few.waited).toBe(100);
  });
});

test('a weighted mix with bodies and keys arrives as written', async () => {
  const world = createWorld();
  const post: FixedRequest = {
    ...get,
    method: 'POST',
    path: '/transfers',
    body: new TextEncoder().encode('{"amount":1}'),
    weight: 3,
    idempotencyKey: true,
  };
  const report = await play(world, optionsOf(world, {}, [{ ...get, weight: 7 }, post]));
  expect(report.succeeded).toBe(1000);
  const posts = world.server.requests.filter(({ method }) => method === 'POST');
  expect(Math.abs(posts.length / 1000 - 0.3)).toBeLessThan(3.3 * Math.sqrt((0.3 * 0.7) / 1000));
  expect(posts.every(({ body, path }) => body === '{"amount":1}' && path === '/transfers')).toBe(true);
  expect(new Set(posts.map(({ key }) => key)).size).toBe(posts.length);
  expect(posts[0]!.key).toStartWith('run-');
});
