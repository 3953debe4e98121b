// The contract of the Store seam as tests, run for every implementation.

import { describe, expect, test } from 'bun:test';
import type { Store } from './store.ts';

export interface StoreSuiteWorld {
  readonly store: Store;
  /** An empty folder of the store. */
  readonly root: string;
}

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array | null) => (bytes === null ? null : new TextDecoder().decode(bytes));

export function runStoreSuite(name: string, create: () => Promise<StoreSuiteWorld>): void {
  describe(`Store contract: ${name}`, () => {
    test('a missing file reads as null, a missing folder lists as empty', async () => {
      const { store, root } = await create();
      expect(await store.read(`${root}/none`)).toBeNull();
      expect(await store.list(`${root}/none`)).toEqual([]);
      await store.remove(`${root}/none`);
    });

    test('what was written is read, also when written over', async () => {
      const { store, root } = await create();
      const path = `${root}/deep/er/snapshot.json`;
      await store.write(path, encode('one, and longer'));
      await store.write(path, encode('two'));
      expect(decode(await store.read(path))).toBe('two');
      await store.remove(path);
      expect(await store.read(path)).toBeNull();
    });

    test('pieces are written as one, and what is added stands behind what is there', async () => {
      const { store, root } = await create();
      const path = `${root}/deep/journal`;
      await store.append(path, [encode('one '), encode('two ')]);
      await store.append(path, [encode('three')]);
      expect(decode(await store.read(path))).toBe('one two three');
      await store.write(path, [encode('four '), encode('five')]);
      await store.append(path, [encode(' six')]);
      expect(decode(await store.read(path))).toBe('four five six');
    });

    test('neither side can change the stored bytes later', async () => {
      const { store, root } = await create();
      const bytes = encode('kept');
      await store.write(`${root}/file`, bytes);
      bytes.fill(0);
      (await store.read(`${root}/file`))!.fill(0);
      expect(decode(await store.read(`${root}/file`))).toBe('kept');
    });

    test('writes at the same time leave one of them whole and nothing beside it', async () => {
      const { store, root } = await create();
      const texts = Array.from({ length: 10 }, (_, at) => String(at).repeat(50_000));
      await Promise.all(texts.map((text) => store.write(`${root}/file`, encode(text))));
      expect(texts).toContain(decode(await store.read(`${root}/file`))!);
      expect(await store.list(root)).toEqual(['file']);
    });

    test('lists files below, sorted, without hidden ones', async () => {
      const { store, root } = await create();
      for (const path of ['b.yaml', 'a/z.yaml', 'a/b/c.yaml', '.hidden', '.git/config', 'a/.swp'])
        await store.write(`${root}/${path}`, encode('x'));
      expect(await store.list(root)).toEqual(['a/b/c.yaml', 'a/z.yaml', 'b.yaml']);
      expect(await store.list(`${root}/a/`)).toEqual(['b/c.yaml', 'z.yaml']);
    });

    test('a watcher hears of a new, a changed and a removed file, in new folders too, until it stops', async () => {
      const { store, root } = await create();
      await store.write(`${root}/first`, encode('x'));
      let wake = () => {};
      let changes = 0;
      const stop = store.watch(root, {
        onChange: () => {
          changes++;
          wake();
        },
      });
      const changed = async (act: () => Promise<void>) => {
        const before = changes;
        await act();
        while (changes === before) await new Promise<void>((resolve) => (wake = resolve));
      };
      await changed(() => store.write(`${root}/new`, encode('1')));
      await changed(() => store.write(`${root}/new`, encode('2')));
      await changed(() => store.write(`${root}/sub/deep/file`, encode('3')));
      await changed(() => store.write(`${root}/sub/deep/file`, encode('4')));
      await changed(() => store.remove(`${root}/sub/deep/file`));
      stop();
      const after = changes;
      await store.write(`${root}/new`, encode('5'));
      await store.read(`${root}/new`);
      expect(changes).toBe(after);
    });

    test('a watcher of one file hears of it alone, also when it comes later, until it stops', async () => {
      const { store, root } = await create();
      const path = `${root}/one.yaml`;
      const read: string[] = [];
      let wake = () => {};
      const stop = store.watchFile(path, {
        onChange: async () => {
          const bytes = await store.read(path);
          read.push(bytes === null ? 'none' : new TextDecoder().decode(bytes));
          wake();
        },
      });
      const until = async (text: string) => {
        while (read.at(-1) !== text) await new Promise<void>((resolve) => (wake = resolve));
      };
      await store.write(path, encode('1'));
      await until('1');
      await store.write(`${root}/other.yaml`, encode('x'));
      await store.write(path, encode('2'));
      await until('2');
      await store.remove(path);
      await until('none');
      stop();
      const told = read.length;
      await store.write(path, encode('3'));
      await store.read(path);
      expect(read.length).toBe(told);
    });
  });
}
