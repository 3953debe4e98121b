// What a save costs: a large configuration is made a slice a turn, and of it only what changed is written again.

import { describe, expect, test } from 'bun:test';
import { MeshError, silentLog, VirtualClock } from '../../base/index.ts';
import { createMemoryStore, type MemoryStore } from '../../net/index.ts';
import { typeUrls, type XdsResource } from '../../xds/index.ts';
import { KeptTables } from './kept-tables.ts';
import { changesFileOf, type LastGood, lastGoodFileOf } from './last-good.ts';
import { LastGoodKeeper } from './last-good-keeper.ts';
import { configLimits } from './limits.ts';
import { ResourceTable } from './resource-table.ts';

const path = `/state/${lastGoodFileOf('n')}`;
const changesPath = `/state/${changesFileOf('n')}`;
const resourceBytes = 1_000;

function resource(name: string, fill: number, bytes = resourceBytes): XdsResource {
  return {
    name,
    version: `${fill}`,
    typeUrl: typeUrls.cluster,
    bytes: new Uint8Array(bytes).fill(fill),
  };
}

class World {
  readonly clock = new VirtualClock();
  readonly table = new ResourceTable();
  readonly keeper: LastGoodKeeper;
  readonly store: MemoryStore;

  constructor(store = createMemoryStore()) {
    this.store = store;
    const tables = new KeptTables(new Map([[typeUrls.cluster, this.table]]));
    const options = { clock: this.clock, log: silentLog, store, stateDir: '/state', nodeId: 'n', tables };
    this.keeper = new LastGoodKeeper(options);
  }

  set(name: string, fill: number, bytes?: number): void {
    this.table.accept({ resource: resource(name, fill, bytes), receivedAtMs: fill, restored: false });
  }

  fill(count: number): void {
    for (let at = 0; at < count; at++) this.set(`c${at}`, at % 250);
  }

  /** Long enough for a save, its slices included. */
  async save(): Promise<void> {
    this.keeper.saveSoon();
    this.clock.advanceBy(configLimits.saveEveryMs + 1_000);
    await settle();
  }

  async size(file: string): Promise<number> {
    return (await this.store.read(file))?.length ?? 0;
  }

  /** As the next process finds it. */
  async found(): Promise<LastGood | null> {
    return new World(this.store).keeper.read();
  }

  /** What is found is what is known. */
  async expectKept(): Promise<void> {
    const found = await this.found();
    const told = (found?.resources ?? []).map(({ resource: { name, version, bytes }, receivedAtMs }) => [
      name,
      version,
      receivedAtMs,
      Buffer.from(bytes).toString('hex'),
    ]);
    const known = [...this.table.accepted.values()].map(({ resource: one, receivedAtMs }) => [
      one.name,
      one.version,
      receivedAtMs,
      Buffer.from(one.bytes).toString('hex'),
    ]);
    expect(told.sort()).toEqual(known.sort());
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

describe('the last good configuration', () => {
  test('of what changed among 2,000 resources, that alone is written', async () => {
    const world = new World();
    world.fill(2_000);
    await world.save();
    const whole = await world.size(path);
    expect(whole).toBeGreaterThan(2_000 * resourceBytes);
    expect(await world.size(changesPath)).toBe(0);
    world.set('c7', 251);
    world.set('new', 252);
    world.table.forget('c8');
    await world.save();
    expect(await world.size(changesPath)).toBeWithin(2 * resourceBytes, 4 * resourceBytes);
    world.set('c7', 253);
    await world.save();
    expect(await world.size(path)).toBe(whole);
    await world.expectKept();
  });

  test('no turn makes more than a slice of it, and requests have the turns between', async () => {
    const world = new World();
    world.fill(1_000);
    world.set('large', 1, 1_000_000);
    world.keeper.saveSoon();
    // The wheel's ticks are of a millisecond: as long as slices are left, each has one.
    world.clock.advanceBy(configLimits.saveAfterMs + 5);
    await settle();
    expect(await world.size(path)).toBe(0);
    const slices = (2_000_000 * 4) / 3 / configLimits.saveSliceBytes;
    world.clock.advanceBy(slices / 2);
    await settle();
    expect(await world.size(path)).toBe(0);
    world.clock.advanceBy(slices * 2);
    await settle();
    await world.expectKept();
  });

  test('what changes while a slice is left is written by the next save', async () => {
    const world = new World();
    world.fill(1_000);
    world.keeper.saveSoon();
    world.clock.advanceBy(configLimits.saveAfterMs + 2);
    world.set('c1', 251);
    await world.save();
    await world.save();
    await world.expectKept();
    expect(await world.size(changesPath)).toBeGreaterThan(0);
  });

  test('it is written whole again when the changes have become as large', async () => {
    const world = new World();
    world.fill(400);
    await world.save();
    let largest = 0;
    for (let round = 0; round < 30; round++) {
      for (let at = 0; at < 40; at++) world.set(`c${at}`, round);
      await world.save();
      largest = Math.max(largest, await world.size(changesPath));
      await world.expectKept();
    }
    expect(largest).toBeWithin(0.5 * (await world.size(path)), await world.size(path));
  });

  test('a small one is one file, written whole', async () => {
    const world = new World();
    world.fill(20);
    await world.save();
    world.set('c1', 251);
    await world.save();
    expect(await world.store.list('/state')).toEqual([lastGoodFileOf('n')]);
    await world.expectKept();
  });

  test('what came again as it was is no change', async () => {
    const world = new World();
    world.fill(400);
    await world.save();
    for (const entry of world.table.accepted.values()) world.table.confirm({ ...entry, receivedAtMs: 9 });
    await world.save();
    expect(await world.size(changesPath)).toBe(0);
  });

  test('a change that a crash cut short is left out, and those before it hold', async () => {
    const world = new World();
    world.fill(400);
    await world.save();
    world.set('c1', 251);
    await world.save();
    const before = await world.size(changesPath);
    world.set('c1', 252);
    await world.save();
    const changes = (await world.store.read(changesPath))!;
    for (const length of [before + 1, before + 90, before + 200, changes.length - 2]) {
      await world.store.write(changesPath, changes.slice(0, length));
      const c1 = (await world.found())?.resources.find(({ resource: { name } }) => name === 'c1');
      expect([length, c1?.resource.version]).toEqual([length, '251']);
    }
  });

  test('changes of a file that another process wrote over are left out', async () => {
    const world = new World();
    world.fill(400);
    await world.save();
    const successor = new World(world.store);
    successor.fill(500);
    await successor.save();
    world.set('c1', 251);
    await world.save();
    await successor.expectKept();
  });

  test('who handed over writes no more', async () => {
    const world = new World();
    world.fill(400);
    world.keeper.saveSoon();
    world.clock.advanceBy(configLimits.saveAfterMs + 2);
    world.keeper.retire();
    await world.save();
    await world.keeper.close();
    expect(await world.size(path)).toBe(0);
  });

  test('after a write that failed all is written again', async () => {
    const world = new World();
    world.fill(400);
    await world.save();
    world.set('c1', 251);
    world.store.fault = new MeshError('storage', 'internal', 'no', 'the disk is full');
    await world.save();
    world.store.fault = null;
    world.set('c2', 252);
    await world.save();
    await world.expectKept();
    expect(await world.size(changesPath)).toBe(0);
  });
});
