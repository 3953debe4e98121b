// Threads in a test: several objects over one memory, called in any order. What one thread's plain counters would
// have said is the oracle.

import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { Xoshiro128 } from '../../base/index.ts';
import { EndpointLoad, type Outcome } from '../balance/index.ts';
import { Breaker } from '../breaker/index.ts';
import { TokenBucket } from '../limit/index.ts';
import { type OutlierConfig, OutlierCounts, OutlierDetector } from '../outlier/index.ts';
import { createRetryLimit, type RetryLimitConfig } from '../retry/index.ts';
import { SharedCounters } from './counters.ts';
import { SharedMemory } from './shared-memory.ts';

const threads = 3;
const thread = fc.nat(threads - 1);

function createThreads(memory = SharedMemory.create(1 << 20), onChange: (name: string) => void = () => {}) {
  let full = 0;
  const counters = Array.from(
    { length: threads },
    (_, index) =>
      new SharedCounters(
        new SharedMemory(memory.buffer),
        onChange,
        () => {
          full += 1;
        },
        index === 0,
      ),
  );
  return { memory, counters, full: () => full };
}

describe('shared memory', () => {
  test('a name is one block for all, and its last release gives it back', () => {
    const memory = SharedMemory.create(1 << 20);
    const other = new SharedMemory(memory.buffer);
    const at = memory.acquire('a', 4);
    expect(other.acquire('a', 4)).toBe(at);
    expect(memory.acquire('b', 4)).not.toBe(at);
    memory.words[at] = 7;
    expect(other.words[at]).toBe(7);
    memory.release(at);
    expect(memory.acquire('a', 4)).toBe(at);
    other.release(at);
    memory.release(at);
    expect(memory.blocks).toBe(1);
    expect(memory.words[memory.acquire('c', 4)]).toBe(0);
  });

  test('names that come and go use no more than those that are there at once', () => {
    const memory = SharedMemory.create(1 << 17);
    for (let round = 0; round < 20_000; round++) {
      const blocks = [memory.acquire(`x${round}`, 63), memory.acquire(`y${round}`, 8)];
      for (const at of blocks) {
        expect(at).toBeGreaterThan(0);
        memory.release(at);
      }
    }
    expect(memory.blocks).toBe(0);
  });

  test('any order of acquiring and releasing keeps blocks apart', () => {
    const step = fc.record({ name: fc.nat(20), size: fc.constantFrom(4, 9, 63), take: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const memory = SharedMemory.create(1 << 18);
        const held = new Map<string, { at: number; size: number; users: number; mark: number }>();
        for (const [mark, { name, size, take }] of steps.entries()) {
          const key = `${name}/${size}`;
          const entry = held.get(key);
          if (take) {
            const at = memory.acquire(key, size);
            if (entry === undefined) {
              expect([...memory.words.subarray(at, at + size)].every((word) => word === 0)).toBe(true);
              memory.words.fill(mark + 1, at, at + size);
              held.set(key, { at, size, users: 1, mark: mark + 1 });
            } else {
              expect(at).toBe(entry.at);
              entry.users += 1;
            }
          } else if (entry !== undefined) {
            memory.release(entry.at);
            entry.users -= 1;
            if (entry.users === 0) held.delete(key);
          }
          for (const { at, size, mark } of held.values())
            expect([...memory.words.subarray(at, at + size)].every((word) => word === mark)).toBe(true);
          expect(memory.blocks).toBe(held.size);
        }
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  test('a full memory leaves counting to each thread, and says so', () => {
    const { counters, full } = createThreads(SharedMemory.create(1 << 17));
    const names = Array.from({ length: 4_000 }, (_, at) => `cluster ${at}`);
    for (const name of names) counters[0]!.createBreaker(name, { requests: 1, pending: 1, connections: 1 });
    expect(full()).toBeGreaterThan(2_000);
    const breaker = counters[0]!.createBreaker('one more', { requests: 1, pending: 1, connections: 1 });
    expect([breaker.tryRequest(), breaker.tryRequest()]).toEqual([true, false]);
  });
});

test('a breaker of several threads is one breaker', () => {
  const kinds = ['Request', 'Pending', 'Connection'] as const;
  const step = fc.record({ thread, kind: fc.constantFrom(...kinds), take: fc.boolean() });
  fc.assert(
    fc.property(fc.nat(4), fc.array(step, { maxLength: 100 }), (max, steps) => {
      const limits = { requests: max, pending: max, connections: max };
      const { counters, memory } = createThreads();
      const breakers = counters.map((own) => own.createBreaker('a', limits));
      const plain = new Breaker(limits);
      for (const { thread, kind, take } of steps) {
        if (take) expect(breakers[thread]![`try${kind}`]()).toBe(plain[`try${kind}`]());
        else if (plain[countOf[kind]] > 0) {
          breakers[thread]![`release${kind}`]();
          plain[`release${kind}`]();
        }
        for (const breaker of breakers) expect(breaker[countOf[kind]]).toBe(plain[countOf[kind]]);
      }
      for (const breaker of breakers) breaker.dispose();
      expect(memory.blocks).toBe(0);
    }),
    { numRuns: 100, seed: 1 },
  );
});

const countOf = { Request: 'requests', Pending: 'pending', Connection: 'connections' } as const;

test('who waits for a connection is told of a slot that another thread frees, once', () => {
  const told: string[] = [];
  const { counters } = createThreads(undefined, (name) => told.push(name));
  const [a, b] = counters.map((own) =>
    own.createBreaker('a', { requests: 9, pending: 9, connections: 1 }),
  ) as [ReturnType<SharedCounters['createBreaker']>, ReturnType<SharedCounters['createBreaker']>];
  expect(a.tryConnection()).toBe(true);
  expect(b.tryConnection()).toBe(false);
  b.awaitConnection();
  expect(told).toEqual([]);
  a.releaseConnection();
  expect(told).toEqual(['a']);
  expect(b.tryConnection()).toBe(true);
  b.releaseConnection();
  expect(told).toEqual(['a']);
  // Freed between the failed try and the wait: nobody would tell later.
  a.awaitConnection();
  expect(told).toEqual(['a', 'a']);
});

test('a retry limit of several threads lets through what one would', () => {
  const config = fc.constantFrom<RetryLimitConfig>(
    { kind: 'window', percent: 20, intervalMs: 10_000, minRetries: { count: 3, intervalMs: 1_000 } },
    { kind: 'concurrency', max: 3 },
    { kind: 'share', percent: 25, minConcurrency: 2 },
  );
  const step = fc.record({ thread, retry: fc.boolean(), gapMs: fc.nat(400), done: fc.boolean() });
  fc.assert(
    fc.property(config, fc.array(step, { maxLength: 150 }), (config, steps) => {
      const { counters, memory } = createThreads();
      const limits = counters.map((own) => own.createRetryLimit('a', config));
      const plain = createRetryLimit(config);
      const running: number[] = [];
      let nowMs = 1_000_000;
      for (const { thread, retry, gapMs, done } of steps) {
        nowMs += gapMs;
        const limit = limits[thread]!;
        expect(limit.remaining(nowMs, 8)).toBe(plain.remaining(nowMs, 8));
        if (done && running.length > 0) {
          limits[running.pop()!]!.onDone();
          plain.onDone();
        } else if (retry) {
          const given = plain.tryRetry(nowMs, 8);
          expect(limit.tryRetry(nowMs, 8)).toBe(given);
          if (given) running.push(thread);
        } else {
          limit.onRequest(nowMs);
          plain.onRequest(nowMs);
        }
      }
      for (const limit of limits) limit.dispose();
      for (const owner of running) limits[owner]!.onDone();
      expect(memory.blocks).toBe(0);
    }),
    { numRuns: 150, seed: 1 },
  );
});

test('a token bucket of several threads is one bucket', () => {
  const config = { tokensMax: 3, tokensPerFill: 2, fillIntervalMs: 100 };
  fc.assert(
    fc.property(fc.array(fc.tuple(thread, fc.nat(250)), { maxLength: 200 }), (steps) => {
      const { counters } = createThreads();
      const buckets = counters.map((own) => own.createRateLimit('a', config, 500));
      const plain = new TokenBucket(config, 500);
      let nowMs = 500;
      for (const [thread, gapMs] of steps) {
        nowMs += gapMs;
        expect(buckets[thread]!.take(nowMs)).toBe(plain.take(nowMs));
      }
    }),
  );
});

test('a gauge counts for all, and never above what is asked', () => {
  const { counters } = createThreads();
  const gauges = counters.map((own) => own.createGauge('a'));
  gauges[0]!.add(5);
  gauges[1]!.add(-2);
  expect(gauges.map(({ value }) => value)).toEqual([3, 3, 3]);
  expect([gauges[2]!.tryAdd(4), gauges[0]!.tryAdd(4), gauges[1]!.value]).toEqual([true, false, 4]);
});

describe('outlier detection of several threads', () => {
  const config: OutlierConfig = {
    consecutiveFailures: 3,
    consecutiveGatewayFailures: 2,
    successRate: { minimumHosts: 2, minimumRequests: 4, stdevFactor: 0.5 },
    intervalMs: 1_000,
    baseEjectionMs: 3_000,
    maxEjectionMs: 9_000,
    maxEjectedPercent: 50,
  };
  const outcomes: readonly Outcome[] = ['success', 'success', 'failure', 'gateway', 'local', 'unreached'];
  const fields = ['ejectedUntilMs', 'ejections'] as const;
  const hosts = 4;

  function createHosts(): EndpointLoad[] {
    return Array.from({ length: hosts }, (_, at) => new EndpointLoad(`10.0.0.${at}:80`, 1));
  }

  test('ejects and returns as one thread that saw it all', () => {
    const step = fc.record({
      thread,
      host: fc.nat(hosts - 1),
      outcome: fc.constantFrom(...outcomes),
      gapMs: fc.nat(150),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const mirrors = Array.from({ length: threads }, createHosts);
        const told: (() => void)[] = [];
        const { counters, memory } = createThreads(undefined, () => {
          for (const tell of told) tell();
        });
        const own = Array.from({ length: threads }, () => new OutlierCounts());
        const detectors = counters.map((counter, at) =>
          counter.createDetector<EndpointLoad>({
            name: 'a',
            config,
            counts: own[at]!,
            random: new Xoshiro128(1n),
            onOthers: () => {},
          }),
        );
        for (const [at, detector] of detectors.entries()) {
          detector.update(mirrors[at]!);
          told.push(() => detector.look());
        }
        const plainHosts = createHosts();
        const plainCounts = new OutlierCounts();
        const plain = new OutlierDetector<EndpointLoad>(config, plainCounts, new Xoshiro128(1n));
        plain.update(plainHosts);
        let nowMs = 100_000;
        let sweepMs = nowMs;
        for (const { thread, host, outcome, gapMs } of steps) {
          nowMs += gapMs;
          for (const detector of detectors) detector.returnDue(nowMs);
          plain.returnDue(nowMs);
          if (nowMs >= sweepMs) {
            // Whoever comes first sweeps; the others find it done.
            for (let at = 0; at < threads; at++)
              detectors[(thread + at) % threads]!.sweep(mirrors[(thread + at) % threads]!, nowMs);
            plain.sweep(plainHosts, nowMs);
            sweepMs = nowMs + config.intervalMs;
          }
          const ejected = detectors[thread]!.onOutcome(mirrors[thread]![host]!, outcome, nowMs);
          expect(ejected).toBe(plain.onOutcome(plainHosts[host]!, outcome, nowMs));
          for (const mirror of mirrors)
            for (const [at, endpoint] of mirror.entries())
              for (const field of fields) {
                // How many ejections came before is only looked up when it matters.
                if (field === 'ejections' && endpoint.ejectedUntilMs < 0) continue;
                expect(endpoint[field]).toBe(plainHosts[at]![field]);
              }
        }
        const total = own.reduce((sum, { enforced }) => sum + enforced.consecutive_5xx, 0);
        expect(total).toBe(plainCounts.enforced.consecutive_5xx);
        for (const detector of detectors) detector.dispose();
        expect(memory.blocks).toBe(0);
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  test('what leaves the cluster gives its memory back', () => {
    const { counters, memory } = createThreads();
    const detector = counters[0]!.createDetector<EndpointLoad>({
      name: 'a',
      config,
      counts: new OutlierCounts(),
      random: new Xoshiro128(1n),
      onOthers: () => {},
    });
    const hosts = createHosts();
    detector.update(hosts);
    expect(memory.blocks).toBe(5);
    detector.update(hosts.slice(1));
    expect(memory.blocks).toBe(4);
    expect(detector.onOutcome(hosts[0]!, 'failure', 1)).toBe(false);
    detector.dispose();
    expect(memory.blocks).toBe(0);
  });
});
