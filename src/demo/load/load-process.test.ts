import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../testing/until.ts';
import { Machine } from '../machine/machine.ts';
import { LoadProcess } from './load-process.ts';

let folder: string;
let machine: Machine;
let nowMs: number;
let load: LoadProcess | null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-load-process-'));
  machine = new Machine(folder, null, { PATH: process.env['PATH'] ?? '' });
  nowMs = 1000;
  load = null;
});

afterEach(async () => {
  load?.kill();
  await machine.close();
  rmSync(folder, { recursive: true });
});

const second =
  '{"type":"second","inFlight":2,"requests":10,"failed":1,"p50Ms":4,"p99Ms":9,"total":{"requests":10,"failed":1}}';

/** Says one second after `start`, and then no more. What it is told is written down. */
function start(): LoadProcess {
  const script = `read start; echo "$start" >> ${join(folder, 'told')}; echo '${second}'; cat >> ${join(folder, 'told')}`;
  const config = { url: 'http://h', ratePerSecond: 10, transferShare: 0, run: 'r', customers: 2 };
  load = new LoadProcess(machine, ['/bin/sh', '-c', script], config, () => nowMs);
  return load;
}

test('before its first second there is no data', async () => {
  const running = start();
  expect([running.state, running.last]).toEqual(['starting', null]);
  await until('it speaks', () => running.state === 'running');
  expect(running.last).toMatchObject({ requests: 10, p50Ms: 4 });
});

test('a generator that falls silent shows no old numbers', async () => {
  const running = start();
  await until('it speaks', () => running.state === 'running');
  nowMs += 3001;
  expect([running.state, running.last]).toEqual(['silent', null]);
});

test('a generator that dies is started again under another name, and the totals go on', async () => {
  const running = start();
  await until('it speaks', () => running.state === 'running');
  running.enter('baseline');
  const summary = running.summary('baseline').catch((error: Error) => error.message);
  process.kill(running.pid, 'SIGKILL');
  await until('it is noticed', () => running.state === 'restarting');
  expect([running.last, running.restarts, await summary]).toEqual([null, 1, 'the load generator ended']);
  await until('it speaks again', () => running.state === 'running');
  expect(running.total).toEqual({ requests: 20, failed: 2 });
  await until('it is told the phase', async () => {
    const told = await Bun.file(join(folder, 'told')).text();
    return told.includes('"run":"r-1"') && told.trimEnd().endsWith('{"type":"phase","name":"baseline"}');
  });
});

test('one that is told to end is not started again', async () => {
  const running = start();
  await until('it speaks', () => running.state === 'running');
  const { pid } = running;
  running.kill();
  await until('it is gone', () => running.pid === 0);
  expect([running.restarts, pid > 0]).toEqual([0, true]);
});
