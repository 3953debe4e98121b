import { beforeEach, describe, expect, test } from 'bun:test';
import { silentLog, VirtualClock } from '../../base/index.ts';
import { MemoryObjects } from '../testing/memory-objects.ts';
import { settle } from '../testing/world.ts';
import { Lease } from './lease.ts';
import { leaseLimits } from './limits.ts';
import { fieldOf } from './types.ts';

const path = '/apis/coordination.k8s.io/v1/namespaces/weft-system/leases/weft-control';

let api: MemoryObjects;
let clock: VirtualClock;
/** Who said that it leads, and has not said otherwise. */
let leaders: Set<string>;

function candidate(identity: string, own: VirtualClock = clock): Lease {
  const lease = new Lease({
    api,
    clock: own,
    log: silentLog,
    namespace: 'weft-system',
    name: 'weft-control',
    identity,
    onLeading: (leading) => void (leading ? leaders.add(identity) : leaders.delete(identity)),
  });
  lease.start();
  return lease;
}

/** Step by step: each turn's requests are answered before the next. */
async function pass(ms: number, own: VirtualClock = clock): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    own.advanceBy(500);
    await settle();
    expect(leaders.size).toBeLessThanOrEqual(1);
  }
}

beforeEach(() => {
  api = new MemoryObjects();
  clock = new VirtualClock();
  leaders = new Set();
});

describe('Lease', () => {
  test('one of two leads, and stays', async () => {
    candidate('a');
    candidate('b');
    await settle();
    await pass(60_000);
    expect([...leaders]).toEqual(['a']);
    expect(fieldOf(api.objects.get(path), 'spec', 'leaseTransitions')).toBe(0);
  });

  test('given up at the end, it is taken at once', async () => {
    const first = candidate('a');
    await settle();
    candidate('b');
    await first.stop();
    expect(leaders.size).toBe(0);
    await pass(leaseLimits.retryMs + 500);
    expect([...leaders]).toEqual(['b']);
    expect(fieldOf(api.objects.get(path), 'spec', 'leaseTransitions')).toBe(1);
  });

  test('of a leader that is gone without a word it is taken when it has run out, not before', async () => {
    const lost = new VirtualClock();
    candidate('a', lost);
    await settle();
    candidate('b');
    await pass(leaseLimits.durationMs - leaseLimits.retryMs);
    expect([...leaders]).toEqual(['a']);
    // Its process stands still, and so does its clock; it would stop to lead before it did anything.
    leaders.delete('a');
    await pass(2 * leaseLimits.retryMs);
    expect([...leaders]).toEqual(['b']);
  });

  test('who cannot renew stops to lead before anybody else may begin', async () => {
    candidate('a');
    await settle();
    expect([...leaders]).toEqual(['a']);
    api.up = false;
    await pass(leaseLimits.renewDeadlineMs - leaseLimits.retryMs);
    expect([...leaders]).toEqual(['a']);
    await pass(2 * leaseLimits.retryMs);
    expect(leaders.size).toBe(0);
    api.up = true;
    await pass(2 * leaseLimits.retryMs);
    expect([...leaders]).toEqual(['a']);
  });

  test('nobody’s clock but one’s own is believed', async () => {
    const ahead = new VirtualClock({ wallMs: 4_000_000_000_000 });
    candidate('a', ahead);
    await settle();
    candidate('b');
    for (let turn = 0; turn < 40; turn++) {
      ahead.advanceBy(1_000);
      clock.advanceBy(1_000);
      await settle();
    }
    expect([...leaders]).toEqual(['a']);
  });

  test.each([403, 409, 500])('a write that gets %i does not make a leader', async (status) => {
    api.refusal = status;
    candidate('a');
    await settle();
    await pass(10_000);
    expect(leaders.size).toBe(0);
  });
});
