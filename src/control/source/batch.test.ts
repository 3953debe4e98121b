import { beforeEach, describe, expect, test } from 'bun:test';
import { VirtualClock } from '../../base/index.ts';
import { type BatchReceiver, EventBatcher, type SourceEvent } from './batch.ts';
import { objectKey, type RawObject, type SourceFault } from './types.ts';

function object(kind: string, name: string): RawObject {
  const key = objectKey('n', kind, name);
  return { key, apiVersion: 'v1', kind, namespace: 'n', name, value: {}, origin: { file: 'f', line: 1 } };
}

class Receiver implements BatchReceiver {
  readonly batches: string[] = [];
  readonly clock: VirtualClock;
  constructor(clock: VirtualClock) {
    this.clock = clock;
  }
  onBatch(events: readonly SourceEvent[], faults: readonly SourceFault[] | null): void {
    const names = events.map((event) => (event.object === null ? '-' : '+') + event.key.slice(2));
    this.batches.push(
      `${Math.round(this.clock.now())}: ${names.join(' ')}${faults === null ? '' : ` faults ${faults.length}`}`,
    );
  }
  onSynced(): void {
    this.batches.push('synced');
  }
}

describe('EventBatcher', () => {
  let clock: VirtualClock;
  let receiver: Receiver;
  let batcher: EventBatcher;
  beforeEach(() => {
    clock = new VirtualClock();
    receiver = new Receiver(clock);
    batcher = new EventBatcher(clock, receiver);
    batcher.onSynced();
    receiver.batches.length = 0;
  });

  test('the first listing is one batch, at once', () => {
    const early = new EventBatcher(clock, receiver);
    early.onUpsert(object('Service', 'a'));
    early.onUpsert(object('EndpointSlice', 'a'));
    clock.advanceBy(1000);
    early.onSynced();
    expect(receiver.batches).toEqual(['1000: +Service/a +EndpointSlice/a', 'synced']);
  });

  test('endpoints that change all the time go on together, every 20 ms', () => {
    for (let ms = 0; ms < 100; ms += 2) {
      batcher.onUpsert(object('EndpointSlice', `${ms % 10}`));
      clock.advanceBy(2);
    }
    expect(receiver.batches.length).toBeLessThanOrEqual(6);
    expect(receiver.batches[1]?.split(' ')).toHaveLength(6);
    clock.advanceBy(30);
    batcher.onUpsert(object('EndpointSlice', 'late'));
    clock.advanceBy(1);
    expect(receiver.batches.at(-1)).toMatch(/EndpointSlice\/late$/);
  });

  test('endpoints go on at once, the rest waits for quiet', () => {
    batcher.onUpsert(object('Service', 'a'));
    batcher.onUpsert(object('EndpointSlice', 'a'));
    clock.advanceBy(10);
    batcher.onUpsert(object('EndpointSlice', 'b'));
    clock.advanceBy(100);
    expect(receiver.batches.map((line) => line.replace(/^\d:/, '0:'))).toEqual([
      '0: +EndpointSlice/a',
      expect.stringMatching(/^2[01]: \+EndpointSlice\/b$/),
      '50: +Service/a',
    ]);
  });

  test('a burst of endpoints is one batch', () => {
    for (let i = 0; i < 100; i++) batcher.onUpsert(object('EndpointSlice', `s${i % 3}`));
    clock.advanceBy(5);
    expect(receiver.batches).toHaveLength(1);
  });

  test('a steady stream of changes is held 500 ms at most', () => {
    for (let i = 0; i < 30; i++) {
      batcher.onUpsert(object('Service', 'a'));
      clock.advanceBy(40);
    }
    expect(receiver.batches).toEqual(['500: +Service/a', '1020: +Service/a']);
  });

  test('a removal waits even for endpoints, and what comes back in time was never gone', () => {
    batcher.onRemove(object('EndpointSlice', 'a').key);
    clock.advanceBy(30);
    expect(receiver.batches).toEqual([]);
    batcher.onUpsert(object('EndpointSlice', 'a'));
    clock.advanceBy(1000);
    expect(receiver.batches.some((line) => line.includes('-'))).toBe(false);
    batcher.onRemove(object('EndpointSlice', 'a').key);
    clock.advanceBy(50);
    expect(receiver.batches.at(-1)).toContain('-EndpointSlice/a');
  });

  test('faults come with the batch they were found in', () => {
    batcher.onUpsert(object('Service', 'a'));
    batcher.onFaults([
      { origin: { file: 'f', line: 1 }, issue: { object: 'f', field: '', rule: 'r', value: '' } },
    ]);
    clock.advanceBy(60);
    expect(receiver.batches).toEqual(['50: +Service/a faults 1']);
  });

  test('nothing fires after stop', () => {
    batcher.onUpsert(object('Service', 'a'));
    batcher.onUpsert(object('EndpointSlice', 'a'));
    batcher.stop();
    clock.advanceBy(1000);
    expect(receiver.batches).toEqual([]);
  });
});
