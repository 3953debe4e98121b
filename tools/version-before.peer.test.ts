// This version beside the one before: upgraded from it and back while requests flow.

import { expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { describeSkipped, run } from '../src/testing/programs.ts';
import versionBefore from './version-before.json';

setDefaultTimeout(120_000);

const root = join(import.meta.dir, '..');
const git = (...words: readonly string[]) => run(['git', '-C', root, ...words]).catch(() => null);
const isThere = (await git('cat-file', '-e', `${versionBefore.commit}^{commit}`))?.code === 0;
const isWhole = (await git('rev-parse', '--is-shallow-repository'))?.out.trim() === 'false';

const name = 'the version before';
// A clone with all of its history that lacks it has the wrong commit written down.
if (isThere || isWhole)
  test(`${name}: control planes and proxies of both work with each other, and each is replaced under load`, async () => {
    const { code, out, err } = await run([process.execPath, join(root, 'tools/version-before.ts')]);
    expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
    expect(out.match(/ [1-9]\d* requests, 0 failed, 0 refusals$/gm)?.length).toBe(5);
  });
else
  describeSkipped('the history of this clone does not go back so far', name, () => test('upgrade', () => {}));
