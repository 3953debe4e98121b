import { beforeEach, describe, expect, test } from 'bun:test';
import { silentLog, VirtualClock, Xoshiro128 } from '../../base/index.ts';
import type { KubeObject } from '../kubernetes/types.ts';
import { MemoryObjects } from '../testing/memory-objects.ts';
import { settle } from '../testing/world.ts';
import { writerLimits } from './limits.ts';
import { type PendingStatus, StatusWriter } from './status-writer.ts';

let api: MemoryObjects;
let clock: VirtualClock;
let pending: PendingStatus[];
let writer: StatusWriter;
const written: string[] = [];

function create(): StatusWriter {
  const random = new Xoshiro128(1);
  const onWritten = ({ key }: PendingStatus): void => {
    written.push(key);
    pending = pending.filter((one) => one.key !== key);
  };
  return new StatusWriter({ api, clock, random, log: silentLog, compare: () => pending, onWritten });
}

function add(name: string): PendingStatus {
  const path = `/apis/x/${name}`;
  const object = api.put(path, { apiVersion: 'x/v1', kind: 'X', metadata: { name } });
  const one = { key: name, path, object, status: { word: name }, present: {} };
  pending.push(one);
  return one;
}

async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    clock.advanceBy(100);
    await settle();
  }
}

function statusOf(name: string): unknown {
  return (api.objects.get(`/apis/x/${name}`) as KubeObject)['status'];
}

beforeEach(() => {
  api = new MemoryObjects();
  clock = new VirtualClock();
  pending = [];
  written.length = 0;
  writer = create();
});

describe('StatusWriter', () => {
  test('writes what differs, as the leader alone', async () => {
    add('a');
    writer.poke();
    await pass(2_000);
    expect(api.asked).toEqual([]);
    writer.lead(true);
    await pass(2_000);
    expect(statusOf('a')).toEqual({ word: 'a' });
    writer.lead(false);
    add('b');
    writer.poke();
    await pass(2_000);
    expect(statusOf('b')).toBeUndefined();
  });

  test('is not put off by what keeps changing', async () => {
    add('a');
    writer.lead(true);
    for (let at = 0; at < 20; at++) {
      writer.poke();
      await pass(100);
    }
    expect(written).toEqual(['a']);
  });

  test('no faster than its rate, and all in the end', async () => {
    for (let at = 0; at < 100; at++) add(`o${at}`);
    writer.lead(true);
    await pass(writerLimits.gatherMs + 1_000);
    expect(written.length).toBeGreaterThan(0);
    expect(written.length).toBeLessThanOrEqual(2 * writerLimits.writesPerSecond);
    await pass(6_000);
    expect(new Set(written).size).toBe(100);
  });

  test('another’s version is no failure: the next comparison has it', async () => {
    const stale = add('a');
    const newer = api.put(stale.path, stale.object);
    writer.lead(true);
    await pass(1_000);
    expect(writer.counters).toEqual({ written: 0, conflicts: 1, failed: 0 });
    pending = [{ ...stale, object: newer }];
    writer.poke();
    await pass(2_000);
    expect(writer.counters.written).toBe(1);
  });

  test('what is refused is tried again more and more seldom, and holds up nothing else', async () => {
    add('a');
    api.refusal = 500;
    writer.lead(true);
    await pass(10_000);
    const tried = writer.counters.failed;
    expect(tried).toBeGreaterThanOrEqual(3);
    expect(tried).toBeLessThanOrEqual(5);
    await pass(100_000);
    expect(writer.counters.failed).toBeLessThanOrEqual(tried + 6);
    api.refusal = 0;
    await pass(writerLimits.backoffMaxMs);
    expect(writer.counters.written).toBe(1);
  });

  test('what never holds is written more and more seldom, and holds up nothing else', async () => {
    // As with older definitions: the answer is 200, and the next comparison finds it as it was.
    const lasting = Array.from({ length: 30 }, (_, at) => add(`a${String(at).padStart(2, '0')}`));
    const pruned = () => {
      for (const one of lasting)
        if (!pending.includes(one))
          pending.unshift({ ...one, object: api.objects.get(one.path) as KubeObject });
    };
    writer.lead(true);
    for (let second = 0; second < 60; second++) {
      lasting.splice(
        0,
        lasting.length,
        ...lasting.map((one) => pending.find(({ key }) => key === one.key) ?? one),
      );
      pruned();
      if (second === 30) add('z');
      await pass(1_000);
    }
    expect(statusOf('z')).toEqual({ word: 'z' });
    expect(written.filter((key) => key === 'a00').length).toBeLessThan(10);
  });

  test('nothing to write costs one comparison in minutes', async () => {
    let compared = 0;
    const random = new Xoshiro128(1);
    const compare = () => {
      compared++;
      return [];
    };
    const idle = new StatusWriter({ api, clock, random, log: silentLog, compare, onWritten() {} });
    idle.lead(true);
    await pass(writerLimits.resyncMs);
    expect(compared).toBe(1);
    await pass(writerLimits.resyncMs);
    expect(compared).toBe(2);
    idle.stop();
  });
});
