import { describe, expect, test } from 'bun:test';
import { MeshError } from '../base/index.ts';
import { createMemoryStore } from './memory-store.ts';
import { runStoreSuite } from './store-suite.ts';

runStoreSuite('in memory', async () => ({ store: createMemoryStore(), root: '/run/weft' }));

describe('the store in memory', () => {
  test('starts with given files and fails on demand', async () => {
    const store = createMemoryStore({ '/etc/a.yaml': 'a: 1' });
    expect(new TextDecoder().decode((await store.read('/etc/a.yaml'))!)).toBe('a: 1');
    store.fault = new MeshError('storage', 'internal', 'no', 'disk full');
    const failure = await store.write('/etc/a.yaml', new Uint8Array()).catch((error: unknown) => error);
    expect(failure).toBe(store.fault);
    store.fault = null;
    expect((await store.read('/etc/a.yaml'))?.length).toBe(4);
  });
});
