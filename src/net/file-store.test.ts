import { afterAll, describe, expect, test } from 'bun:test';
import { mkdir, mkdtemp, open, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MeshError } from '../base/index.ts';
import { createFileStore } from './file-store.ts';
import { runStoreSuite } from './store-suite.ts';

const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function createFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'weft-store-'));
  folders.push(folder);
  return folder;
}

runStoreSuite('files', async () => ({
  store: createFileStore({ rescanIntervalMs: 100 }),
  root: await createFolder(),
}));

describe('the store over files', () => {
  test('other failures are a storage error that names the file', async () => {
    const root = await createFolder();
    const store = createFileStore();
    await store.write(`${root}/file`, new Uint8Array(1));
    const failure = await store
      .write(`${root}/file/below`, new Uint8Array(1))
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MeshError);
    expect(String(failure)).toContain(`write ${root}/file/below`);
    expect((failure as MeshError).code).toBe('storage');
    expect(await store.list(root)).toEqual(['file']);
  });

  test('a folder that comes later is noticed', async () => {
    const root = await createFolder();
    const store = createFileStore({ rescanIntervalMs: 20 });
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = store.watch(`${root}/later`, { onChange: resolve });
    await store.write(`${root}/later/file`, new Uint8Array(1));
    await promise;
    stop();
  });

  test('a file that is a link to a link, as Kubernetes mounts it, changes with the link beside it', async () => {
    const root = await createFolder();
    for (const version of ['1', '2']) {
      await mkdir(`${root}/..${version}`);
      await writeFile(`${root}/..${version}/file`, version);
    }
    await symlink('..1', `${root}/..data`);
    await symlink('..data/file', `${root}/file`);
    const store = createFileStore({ rescanIntervalMs: 60_000 });
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = store.watchFile(`${root}/file`, {
      onChange: async () => {
        if (new TextDecoder().decode((await store.read(`${root}/file`)) ?? undefined) === '2') resolve();
      },
    });
    await symlink('..2', `${root}/..next`);
    await rename(`${root}/..next`, `${root}/..data`);
    await promise;
    stop();
  });

  test('whether a file is open for writing', async () => {
    const path = join(await createFolder(), 'file');
    const store = createFileStore();
    expect(await store.isOpenForWriting(path)).toBe(false);
    for (const flags of ['w', 'a', 'r+']) {
      const writer = await open(path, flags);
      expect(await store.isOpenForWriting(path)).toBe(true);
      await writer.close();
      expect(await store.isOpenForWriting(path)).toBe(false);
    }
    const reader = await open(path, 'r');
    expect(await store.isOpenForWriting(path)).toBe(false);
    await reader.close();
  });

  test('writers are not harmed by being looked at', async () => {
    const path = join(await createFolder(), 'file');
    const store = createFileStore();
    await writeFile(path, '');
    const shell = Bun.spawn(['sh', '-c', `for i in $(seq 300); do echo $i > "${path}" || exit 1; done`]);
    let looks = 0;
    while (shell.exitCode === null) {
      await store.isOpenForWriting(path);
      looks++;
    }
    expect([shell.exitCode, looks > 10]).toEqual([0, true]);
    expect((await store.read(path))?.length).toBe(4);
  });

  test('linked files are listed, as in a mounted ConfigMap', async () => {
    const root = await createFolder();
    await createFileStore().write(`${root}/..data/values.yaml`, new Uint8Array(1));
    await symlink('..data/values.yaml', join(root, 'values.yaml'));
    await symlink('nowhere', join(root, 'dangling.yaml'));
    await writeFile(join(root, 'plain.yaml'), '');
    expect(await createFileStore().list(root)).toEqual(['plain.yaml', 'values.yaml']);
  });
});
