import { describe, expect, test } from 'bun:test';
import { isAlive } from './process.ts';
import { Reaper } from './reaper.ts';

/** A child that the reaper alone will end: not known to a ManagedProcess. */
function spawn(script: string) {
  return Bun.spawn(['/bin/sh', '-c', script], { stdin: 'pipe', stdout: 'ignore', stderr: 'ignore' });
}

describe('Reaper', () => {
  test('ends what it was told of, and leaves alone what has ended or was never told', async () => {
    const reaper = new Reaper();
    const [known, forgotten, unknown] = [spawn('sleep 60'), spawn('sleep 60'), spawn('sleep 60')];
    for (const child of [known, forgotten]) reaper.onStart(child.pid);
    reaper.onExit(forgotten.pid);
    await reaper.close();
    await known.exited;
    expect([known, forgotten, unknown].map((child) => isAlive(child.pid))).toEqual([false, true, true]);
    for (const child of [forgotten, unknown]) child.kill('SIGKILL');
    await Promise.all([forgotten.exited, unknown.exited]);
  });

  test('ends a paused child, and itself', async () => {
    const reaper = new Reaper();
    const child = spawn('sleep 60');
    reaper.onStart(child.pid);
    child.kill('SIGSTOP');
    await reaper.close();
    await child.exited;
    expect([isAlive(child.pid), isAlive(reaper.pid)]).toEqual([false, false]);
  });
});
