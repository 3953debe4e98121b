import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { writeFileAtomic } from './atomic-file.ts';
import { createDemoFolder, keepDemoFolder, sweepDemoFolders } from './demo-folder.ts';
import { listRunningDemos, removeRuntimeFile, runtimeFolder, writeRuntimeFile } from './runtime-file.ts';
import { type ProcessRow, StateFile } from './state-file.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-files-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

test('writeFileAtomic replaces the file, makes its folder, and leaves nothing aside', () => {
  const path = join(folder, 'deep', 'file');
  writeFileAtomic(path, 'one');
  writeFileAtomic(path, 'two');
  expect(readFileSync(path, 'utf8')).toBe('two');
  expect(readdirSync(join(folder, 'deep'))).toEqual(['file']);
});

describe('StateFile', () => {
  const row = (name: string, pid: number): ProcessRow => ({
    name,
    kind: 'proxy',
    role: 'sidecar',
    service: 'ledger',
    replica: 'ledger-0',
    pid,
    adminUrl: 'http://127.0.0.1:1',
  });

  test('follows the processes, written once a turn', async () => {
    const path = join(folder, 'state.json');
    const state = new StateFile(path);
    const read = () => JSON.parse(readFileSync(path, 'utf8'));
    state.add(row('b', 2));
    state.add(row('a', 1));
    expect(readdirSync(folder)).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(read()).toEqual([row('a', 1), row('b', 2)]);
    state.remove(1);
    state.remove(77);
    state.flush();
    expect(read()).toEqual([row('b', 2)]);
  });

  test('without a path it only remembers', () => {
    const state = new StateFile(null);
    state.add(row('a', 1));
    state.flush();
    expect([state.rows, readdirSync(folder)]).toEqual([[row('a', 1)], []]);
  });
});

describe('runtime files', () => {
  const demo = { pid: process.pid, url: 'http://127.0.0.1:1', token: 't', edgeUrl: 'e', consoleUrl: 'c' };
  const mode = (path: string) => statSync(path).mode & 0o777;

  test('are their owner’s alone, and go with their demo', () => {
    const runtime = runtimeFolder(folder);
    writeRuntimeFile(runtime, demo);
    expect(listRunningDemos(runtime)).toEqual([demo]);
    expect([mode(join(runtime, `demo-${demo.pid}.json`)), mode(runtime)]).toEqual([0o600, 0o700]);
    removeRuntimeFile(runtime);
    expect(listRunningDemos(runtime)).toEqual([]);
  });

  test('a second demo comes and goes beside the first', () => {
    const runtime = runtimeFolder(folder);
    const first = { ...demo, pid: process.ppid, url: 'http://127.0.0.1:2' };
    writeRuntimeFile(runtime, first);
    writeRuntimeFile(runtime, demo);
    expect(listRunningDemos(runtime)).toHaveLength(2);
    removeRuntimeFile(runtime);
    expect(listRunningDemos(runtime)).toEqual([first]);
  });

  test('of a demo that died, or broken, mean that none runs', () => {
    const runtime = runtimeFolder(folder);
    writeRuntimeFile(runtime, { ...demo, pid: 2 ** 30 });
    expect(listRunningDemos(runtime)).toEqual([]);
    expect(readdirSync(runtime)).toEqual([]);
    writeFileSync(join(runtime, `demo-${process.pid}.json`), '{');
    writeFileSync(join(runtime, 'other'), '');
    expect(listRunningDemos(runtime)).toEqual([]);
  });
});

describe('folders of temporary files', () => {
  const died = 2 ** 30;

  test('what a killed demo left goes; what lives, is kept for its logs, or is nobody’s, stays', () => {
    const own = createDemoFolder(folder);
    const kept = createDemoFolder(folder);
    keepDemoFolder(kept);
    const left = createDemoFolder(folder);
    writeFileSync(join(left, 'owner.pid'), String(died));
    writeFileSync(join(left, 'ledger.db'), 'x');
    for (const text of ['', 'x', '-1']) writeFileSync(join(createDemoFolder(folder), 'owner.pid'), text);
    const before = readdirSync(folder).length;
    expect(sweepDemoFolders(folder)).toBe(1);
    const after = readdirSync(folder);
    expect(after.length).toBe(before - 1);
    expect([own, kept].every((path) => after.includes(basename(path)))).toBe(true);
    expect(after).not.toContain(basename(left));
  });
});
