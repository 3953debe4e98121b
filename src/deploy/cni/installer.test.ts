import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../base/index.ts';
import { until } from '../../testing/until.ts';
import { CniInstaller } from './installer.ts';
import { agentSocket } from './types.ts';

const list = `${JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins: [{ type: 'calico' }] }, null, 2)}\n`;
let folder: string;
let added: number;
let installer: CniInstaller;
const path = (name: string) => join(folder, name);
const read = (name: string) => readFileSync(path(name), 'utf8');
const isIn = (name: string) => read(name).includes('weft-cni');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-cni-'));
  for (const name of ['bin', 'net.d']) mkdirSync(path(name));
  writeFileSync(path('weft'), 'program');
  added = 0;
  installer = new CniInstaller({
    binFolder: path('bin'),
    configFolder: path('net.d'),
    program: path('weft'),
    socket: agentSocket,
    log: silentLog,
    onAdded: () => added++,
  });
});

afterEach(() => {
  installer.stop();
  rmSync(folder, { recursive: true });
});

test('the program becomes the plugin, and the list has it', () => {
  writeFileSync(path('net.d/10-calico.conflist'), list, { mode: 0o600 });
  installer.start();
  expect([read('bin/weft-cni'), statSync(path('bin/weft-cni')).mode & 0o777]).toEqual(['program', 0o755]);
  expect([isIn('net.d/10-calico.conflist'), installer.installed, added]).toEqual([true, true, 1]);
  expect(statSync(path('net.d/10-calico.conflist')).mode & 0o777).toBe(0o600);
  // Nothing half-written stays.
  expect([readdirSync(path('net.d')), readdirSync(path('bin'))]).toEqual([
    ['10-calico.conflist'],
    ['weft-cni'],
  ]);
});

test('a network that comes later, and one that its owner writes anew, are followed', async () => {
  installer.start();
  expect(installer.installed).toBe(false);
  writeFileSync(path('net.d/10-calico.conflist'), list);
  await until('it was added', () => Promise.resolve(isIn('net.d/10-calico.conflist')));
  writeFileSync(path('net.d/10-calico.conflist'), list);
  await until('it was added again', () => Promise.resolve(isIn('net.d/10-calico.conflist') && added === 2));
  // Another plugin that takes precedence.
  writeFileSync(path('net.d/05-cilium.conflist'), list);
  await until('it is in the new one', () => Promise.resolve(isIn('net.d/05-cilium.conflist')));
  expect(installer.installed).toBe(true);
});

test('what is no list is left alone, and is not ready', () => {
  writeFileSync(path('net.d/10-old.conf'), '{"type":"bridge"}');
  writeFileSync(path('net.d/20-calico.conflist'), list);
  installer.start();
  expect([installer.installed, read('net.d/10-old.conf')]).toEqual([false, '{"type":"bridge"}']);
});

test('while another takes over it stays; taken away, every list is as it was', () => {
  writeFileSync(path('net.d/10-calico.conflist'), list);
  installer.start();
  installer.stop();
  expect([isIn('net.d/10-calico.conflist'), existsSync(path('bin/weft-cni'))]).toEqual([true, true]);
  writeFileSync(path('net.d/20-broken.conflist'), '{');
  installer.remove();
  expect([read('net.d/10-calico.conflist'), read('net.d/20-broken.conflist')]).toEqual([list, '{']);
  expect(readdirSync(path('bin'))).toEqual([]);
});
