import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomic } from './atomic-file.ts';
import { readRuntimeFile, removeRuntimeFile, runtimeFilePath, writeRuntimeFile } from './runtime-file.ts';
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

describe('runtime file', () => {
  const demo = { pid: process.pid, url: 'http://127.0.0.1:1', token: 't', edgeUrl: 'e', consoleUrl: 'c' };

  test('is its owner’s alone, and goes with its demo', () => {
    const path = runtimeFilePath(folder);
    writeRuntimeFile(path, demo);
    expect(readRuntimeFile(path)).toEqual(demo);
    expect([statSync(path).mode & 0o777, statSync(join(path, '..')).mode & 0o777]).toEqual([0o600, 0o700]);
    removeRuntimeFile(path);
    expect(readRuntimeFile(path)).toBeNull();
  });

  test('of a demo that died, or broken, means that none runs', () => {
    const path = runtimeFilePath(folder);
    writeRuntimeFile(path, { ...demo, pid: 2 ** 30 });
    expect(readRuntimeFile(path)).toBeNull();
    writeFileSync(path, '{');
    expect(readRuntimeFile(path)).toBeNull();
  });
});
