import { describe, expect, test } from 'bun:test';
import { silentLog } from '../../base/index.ts';
import { createMemoryStore, type MemoryStore } from '../../net/index.ts';
import { FileTexts } from './file-texts.ts';

const paths = ['/tls/crt', '/tls/key'] as const;
const put = (store: MemoryStore, text: string) =>
  Promise.all(paths.map((path) => store.write(path, Buffer.from(text))));

/** Every answer of the store is held until it is let go. */
function holding(store: MemoryStore) {
  const held: (() => void)[] = [];
  const slow = Object.create(store) as MemoryStore;
  slow.readTogether = async (...args) => {
    const results = await store.readTogether(...args);
    await new Promise<void>((resolve) => held.push(resolve));
    return results;
  };
  return { slow, held };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

function watchPair(texts: FileTexts) {
  const seen: string[] = [];
  const watcher = { onText: () => seen.push(paths.map((path) => texts.textOf(path).text).join('+')) };
  for (const path of paths) texts.watch(path, watcher);
  return { seen, watcher };
}

describe('texts of certificate files', () => {
  test('those of a folder change together, and are told once', async () => {
    const store = createMemoryStore({ '/tls/crt': '1', '/tls/key': '1' });
    const texts = new FileTexts(store, silentLog);
    const { seen, watcher } = watchPair(texts);
    await settle();
    await put(store, '2');
    await settle();
    expect(seen).toEqual(['1+1', '2+2']);
    texts.forget(watcher);
    await put(store, '3');
    await settle();
    expect([seen.length, texts.textOf('/tls/crt').fault]).toEqual([2, 'is not read']);
  });

  test('one reading runs at a time: what was read before a change is never the last word', async () => {
    const store = createMemoryStore({ '/tls/crt': '1', '/tls/key': '1' });
    const { slow, held } = holding(store);
    const texts = new FileTexts(slow, silentLog);
    const { seen } = watchPair(texts);
    await settle();
    await put(store, '2');
    await settle();
    expect(held.length).toBe(1);
    held.shift()?.();
    await settle();
    held.shift()?.();
    await settle();
    expect([seen, held.length]).toEqual([['1+1', '2+2'], 0]);
  });

  test('what vanishes or grows too large leaves the last text in use', async () => {
    const store = createMemoryStore({ '/tls/crt': '1', '/tls/key': '1' });
    const faults = new Set<unknown>();
    const texts = new FileTexts(store, {
      debugEnabled: false,
      write: (_level, _message, fields) => faults.add(fields?.['fault']),
    });
    const { seen } = watchPair(texts);
    await settle();
    await store.remove('/tls/crt');
    await store.write('/tls/key', new Uint8Array(1024 * 1024 + 1));
    await settle();
    expect([seen, [...faults]]).toEqual([
      ['1+1'],
      ['does not exist', '/tls/key: has more than 1048576 bytes'],
    ]);
  });

  test('a file that was never there is said to be missing', async () => {
    const texts = new FileTexts(createMemoryStore(), silentLog);
    watchPair(texts);
    await settle();
    expect(texts.textOf('/tls/crt')).toMatchObject({ text: null, fault: 'does not exist' });
  });
});
