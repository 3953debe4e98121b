import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive, ManagedProcess } from './process.ts';

let folder = '';
let children: ManagedProcess[] = [];
let events: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-process-'));
  children = [];
  events = [];
});

afterEach(async () => {
  for (const child of children) child.signal('SIGKILL');
  await Promise.all(children.map((child) => child.exited));
  rmSync(folder, { recursive: true });
});

/** Starts a shell script and waits for its first line, so that its traps are set. */
async function start(script: string): Promise<ManagedProcess> {
  const first = Promise.withResolvers<void>();
  const child = new ManagedProcess(
    {
      name: 'child',
      command: ['/bin/sh', '-c', script],
      env: { WORD: 'hello' },
      logPath: join(folder, 'child.log'),
      onLine(line) {
        events.push(line);
        first.resolve();
      },
    },
    { onStart: (pid) => events.push(`start ${pid > 0}`), onExit: () => events.push('exit') },
  );
  children.push(child);
  await first.promise;
  return child;
}

describe('ManagedProcess', () => {
  test('has its environment, reads lines, logs its errors, and says how it ended', async () => {
    const child = await start('echo $WORD; echo oops >&2; read line; echo got $line; exit 3');
    child.send('this');
    expect(await child.exited).toEqual({ code: 3, signal: null });
    expect([child.running, isAlive(child.pid)]).toEqual([false, false]);
    expect(events).toEqual(['start true', 'hello', 'got this', 'exit']);
    expect(readFileSync(join(folder, 'child.log'), 'utf8')).toBe('oops\n');
  });

  test('stops one that listens to SIGTERM', async () => {
    const child = await start("trap 'exit 7' TERM; echo up; while :; do read line; done");
    expect(await child.stop(5000)).toEqual({ code: 7, signal: null });
  });

  test('kills one that does not', async () => {
    const child = await start("trap '' TERM; echo up; while :; do read line || sleep 1; done");
    expect((await child.stop(50)).signal).toBe('SIGKILL');
    expect(isAlive(child.pid)).toBe(false);
  });

  test('a paused one gets its SIGTERM', async () => {
    const child = await start("trap 'exit 7' TERM; echo up; while :; do read line; done");
    child.signal('SIGSTOP');
    expect(await child.stop(5000)).toEqual({ code: 7, signal: null });
  });

  test('what comes after the end is no fault', async () => {
    const child = await start('echo up');
    await child.exited;
    child.send('anybody?');
    child.signal('SIGTERM');
    expect(await child.stop()).toEqual({ code: 0, signal: null });
  });
});
