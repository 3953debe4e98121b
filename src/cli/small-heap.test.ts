import { afterEach, expect, setDefaultTimeout, test } from 'bun:test';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { until } from '../testing/until.ts';

setDefaultTimeout(30_000);

const children: Bun.Subprocess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const config = JSON.stringify({
  admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } },
});

const proxyWords = ['proxy', '--config-yaml', config, '--log-level', 'error'];

function start(env: Readonly<Record<string, string>> = {}, words: readonly string[] = proxyWords) {
  const child = Bun.spawn([join(import.meta.dir, '../../bin/weft'), ...words], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const read = (file: string) => readFileSync(`/proc/${child.pid}/${file}`, 'utf8').split('\0');
  return { child, words, read };
}

const canTell = process.platform === 'linux' && totalmem() > 4 * 1024 ** 3;

test.skipIf(!canTell)('a proxy starts itself again, as what it was, and leaves nothing open', async () => {
  const plain = start({ BUN_JSC_forceRAMSize: String(totalmem()) });
  const small = start();
  const openOf = ({ child }: typeof small) =>
    readdirSync(`/proc/${child.pid}/fd`)
      .map((fd) => readlinkSync(`/proc/${child.pid}/fd/${fd}`).replace(/:\[.*|\(deleted\)/, ''))
      .sort();
  await until('its new environment', () => small.read('environ').includes('BUN_JSC_forceRAMSize=4294967296'));
  // Its output, its errors and what it serves on.
  const serves = (open: readonly string[]) => open.filter((name) => name === 'socket').length > 2;
  await until('both serve', () => serves(openOf(plain)) && openOf(small).join() === openOf(plain).join());
  for (const { read, words } of [plain, small])
    expect(read('cmdline').slice(-1 - words.length, -1)).toEqual([...words]);
});

test.skipIf(!canTell)('a control plane does so too', async () => {
  const { read } = start({}, [
    'control',
    '--dir',
    import.meta.dir,
    '--xds',
    '127.0.0.1:0',
    '--admin',
    '127.0.0.1:0',
  ]);
  await until('its new environment', () => read('environ').includes('BUN_JSC_forceRAMSize=4294967296'));
});

test.skipIf(!canTell)('what was said of the heap stays said', async () => {
  const { read } = start({ BUN_JSC_forceRAMSize: '268435456' });
  await until('it runs', () => read('cmdline').some((word) => word.endsWith('main.ts')));
  expect(read('environ')).toContain('BUN_JSC_forceRAMSize=268435456');
});
