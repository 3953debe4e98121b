// A list that breaks midway is begun again, from its first object: what a half one held is no place to watch from.

import { describe, expect, test } from 'bun:test';
import { VirtualClock, Xoshiro128 } from '../../base/index.ts';
import { MemoryKubeApi } from '../testing/memory-kube-api.ts';
import { settle } from '../testing/world.ts';
import { kubeLimits } from './limits.ts';
import { Reflector } from './reflector.ts';
import type { WatchedKind } from './watched-kinds.ts';

const services = '/api/v1/services';
const kind: WatchedKind = {
  group: '',
  kind: 'Service',
  versions: ['v1'],
  plural: 'services',
  namespaced: true,
  selector: '',
  fields: '',
};

function createWorld(streamsLists: boolean) {
  const api = new MemoryKubeApi();
  const clock = new VirtualClock();
  const names = new Set<string>();
  api.streamsLists = streamsLists;
  api.serve(services);
  const reflector = new Reflector({
    api,
    clock,
    random: new Xoshiro128(1),
    kind,
    namespace: '',
    owner: {
      onObject: (_kind, _version, { metadata }) => names.add((metadata as { name: string }).name),
      onGone: (_kind, _namespace, name) => names.delete(name),
      onState: () => {},
    },
  });
  const run = async (ms: number) => {
    clock.advanceBy(ms);
    await settle();
  };
  return { api, reflector, names, run };
}

/** More than two pages. */
const many = 2 * kubeLimits.pageSize + 1;

describe.each([
  ['streamed', true, kubeLimits.pageSize],
  ['paged', false, 1],
] as const)('a list that is %s and breaks', (_name, streams, parts) => {
  test('is begun again: all is known, and then it is synced', async () => {
    const { api, reflector, names, run } = createWorld(streams);
    for (let i = 0; i < many; i++) api.put(services, 'bank', `s${i}`);
    api.partsBeforeBreak = parts;
    reflector.start();
    await run(0);
    expect(names.size).toBe(kubeLimits.pageSize);
    expect(reflector.state).toBe('listing');
    // Meanwhile one goes that was told already, and history is not kept: only a whole list can tell.
    api.delete(services, 'bank', 's0');
    api.forget();
    api.partsBeforeBreak = Number.POSITIVE_INFINITY;
    await run(kubeLimits.backoffMs);
    expect([reflector.state, names.size, names.has('s0')]).toEqual(['synced', many - 1, false]);
  });

  test('the same for one of those that heal a lost event, and the next comes in its time', async () => {
    const { api, reflector, names, run } = createWorld(streams);
    for (let i = 0; i < many; i++) api.put(services, 'bank', `s${i}`);
    reflector.start();
    await run(0);
    const lists = reflector.lists;
    for (let round = 1; round <= 2; round++) {
      api.up = false;
      api.delete(services, 'bank', `s${many - round}`);
      api.up = true;
      api.partsBeforeBreak = parts;
      await run(kubeLimits.relistMs * 1.2);
      api.partsBeforeBreak = Number.POSITIVE_INFINITY;
      await run(kubeLimits.backoffMs);
      expect([reflector.failure, names.size]).toEqual(['', many - round]);
    }
    expect(reflector.lists).toBeGreaterThanOrEqual(lists + 4);
  });

  test('over and over is asked for less and less often', async () => {
    const { api, reflector, run } = createWorld(streams);
    for (let i = 0; i < many; i++) api.put(services, 'bank', `s${i}`);
    reflector.start();
    for (let second = 0; second < 600; second++) {
      api.partsBeforeBreak = parts;
      await run(1000);
    }
    // With no pause it would be twice a second at least.
    expect(reflector.lists).toBeGreaterThan(5);
    expect(reflector.lists).toBeLessThan(80);
  });
});
