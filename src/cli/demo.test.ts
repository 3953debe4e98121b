// What can be said of `weft demo` without starting a bank: how it refuses, and that it does so in one line.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Each case starts the program.
setDefaultTimeout(60_000);

const weft = join(import.meta.dir, '../../bin/weft');
let folder: string;
let server: Bun.Server<undefined>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-demo-cli-'));
  server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: () => Response.json({ ok: false, message: "no replica 'x'; there are ledger-0" }, { status: 400 }),
  });
});

afterAll(async () => {
  await server.stop(true);
  rmSync(folder, { recursive: true, force: true });
});

async function demo(args: readonly string[], runtime = 'none') {
  const child = Bun.spawn([weft, 'demo', ...args], {
    env: { ...process.env, XDG_RUNTIME_DIR: join(folder, runtime), PATH: '/usr/bin:/bin' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { out, err, code };
}

/** A runtime folder in which demos with these process ids seem to run. */
function pretend(runtime: string, pids: readonly number[]): void {
  const path = join(folder, runtime, `weft-${process.getuid?.() ?? 0}`);
  mkdirSync(path, { recursive: true });
  for (const pid of pids) {
    const url = `http://127.0.0.1:${server.port}`;
    const running = { pid, url, token: 't', edgeUrl: `http://e${pid}`, consoleUrl: '' };
    writeFileSync(join(path, `demo-${pid}.json`), JSON.stringify(running));
  }
}

describe('wrong usage is one line and 64', () => {
  test.each<[args: string[], words: string]>([
    [['kill'], "weft demo kill: missing required argument 'replica'"],
    [['kill', 'a', 'b'], 'weft demo kill: too many arguments'],
    [['kill', 'a', '--al'], "weft demo kill: unknown option '--al' (Did you mean --all?)"],
    [['policy', 'of'], 'Allowed choices are on, off'],
    [['policy'], 'weft demo policy: missing required argument'],
    [['split', '20', '--pid', 'x'], 'must be the id of a process'],
    [['klil', 'a'], 'weft demo: '],
    [['--nothing'], "weft demo: unknown option '--nothing'"],
    [['--json', 'x'], '--json and --scenario go with --once'],
    [['--scenario', 'once'], '--json and --scenario go with --once'],
    [['--once', '--scenario', 'x'], 'Allowed choices are once, switch'],
    [['--once', '--json', '/nonexistent/file'], '/nonexistent/file cannot be written'],
    [['--state', '/nonexistent/file'], '/nonexistent/file cannot be written'],
  ])('%p', async (args, words) => {
    const { out, err, code } = await demo(args);
    expect(err).toContain(words);
    expect([code, out, err.trimEnd().split('\n').length]).toEqual([64, '', 1]);
  });
});

describe('the running demo', () => {
  test('none: says so, and how this program is called', async () => {
    const { err, code } = await demo(['kill', 'a']);
    expect([code, err]).toEqual([1, `no demo is running; start one with: ${weft} demo\n`]);
  });

  test('what it refuses is wrong usage', async () => {
    pretend('one', [process.pid]);
    const { err, code } = await demo(['kill', 'x'], 'one');
    expect([code, err]).toEqual([64, "weft demo: no replica 'x'; there are ledger-0\n"]);
  });

  test('of several one must be named', async () => {
    pretend('two', [process.pid, process.ppid]);
    const { err, code } = await demo(['kill', 'x'], 'two');
    expect(code).toBe(64);
    expect(err).toContain('say which demo with --pid: ');
    expect(err).toContain(`${process.pid} at http://e${process.pid}`);
    expect((await demo(['kill', 'x', '--pid', String(process.pid)], 'two')).err).toContain('no replica');
  });

  test('one that does not answer is said so', async () => {
    const runtime = join(folder, 'dead', `weft-${process.getuid?.() ?? 0}`);
    mkdirSync(runtime, { recursive: true });
    const running = { pid: process.pid, url: 'http://127.0.0.1:1', token: 't', edgeUrl: '', consoleUrl: '' };
    writeFileSync(join(runtime, `demo-${process.pid}.json`), JSON.stringify(running));
    const { err, code } = await demo(['kill', 'x'], 'dead');
    expect([code, err]).toEqual([1, `weft demo: the demo of process ${process.pid} does not answer\n`]);
  });
});
