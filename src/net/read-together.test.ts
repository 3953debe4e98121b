import { afterAll, describe, expect, test } from 'bun:test';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { MeshError } from '../base/index.ts';
import { type ReadResult, readTogether } from './read-together.ts';

const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

/** As Kubernetes mounts a Secret; `turn` replaces it. */
async function mountSecret(): Promise<{ paths: readonly string[]; turn: (to: string) => Promise<void> }> {
  const root = await mkdtemp(`${tmpdir()}/weft-together-`);
  folders.push(root);
  const write = async (generation: string) => {
    await mkdir(`${root}/..${generation}`);
    for (const name of ['tls.crt', 'tls.key']) await writeFile(`${root}/..${generation}/${name}`, generation);
  };
  await write('first');
  await symlink('..first', `${root}/..data`);
  for (const name of ['tls.crt', 'tls.key']) await symlink(`..data/${name}`, `${root}/${name}`);
  const turn = async (to: string) => {
    await write(to);
    await symlink(`..${to}`, `${root}/..next`);
    await rename(`${root}/..next`, `${root}/..data`);
  };
  return { paths: [`${root}/tls.crt`, `${root}/tls.key`], turn };
}

function texts(results: readonly ReadResult[]): readonly (string | null)[] {
  return results.map((one) => {
    if (one instanceof MeshError) return one.message.replace(/\/.*\//, '');
    return one === null ? null : Buffer.from(one).toString();
  });
}

describe('files read together', () => {
  test('a Secret that is replaced while it is read is read again', async () => {
    const { paths, turn } = await mountSecret();
    const looks: number[] = [];
    const results = await readTogether(paths, 100, async (look) => {
      looks.push(look);
      if (look <= 2) await turn(`new${look}`);
    });
    expect([looks, texts(results)]).toEqual([
      [1, 2, 3],
      ['new2', 'new2'],
    ]);
  });

  test('what changes without an end is given up', async () => {
    const { paths, turn } = await mountSecret();
    const results = await readTogether(paths, 100, (look) => turn(`new${look}`));
    expect(texts(results)).toEqual([
      'read tls.crt: it changes all the time',
      'read tls.key: it changes all the time',
    ]);
  });

  test('a file over the bound is an error, one at the bound is not, one that is missing is none', async () => {
    const { paths } = await mountSecret();
    const [path = ''] = paths;
    await writeFile(`${path}.5`, '12345');
    expect(texts(await readTogether([path, `${path}.5`, `${path}.none`, `${path}/below`], 5))).toEqual([
      'first',
      '12345',
      null,
      null,
    ]);
    expect(texts(await readTogether([path, `${path}.none`], 4))).toEqual([
      'tls.crt: has more than 4 bytes',
      null,
    ]);
  });

  test('a file that never says its size is read to its end, or to the bound', async () => {
    const [facts] = texts(await readTogether(['/proc/self/status'], 100_000));
    expect(facts).toContain('Pid:');
    expect(texts(await readTogether(['/dev/zero', '/proc/self/status'], 10))).toEqual([
      'zero: has more than 10 bytes',
      'status: has more than 10 bytes',
    ]);
  });

  test('a folder is an error', async () => {
    expect(texts(await readTogether(['/proc/self'], 10_000))).toEqual(['read self: EISDIR']);
  });
});
