import { expect, test } from 'bun:test';
import { VirtualClock } from '../../base/index.ts';
import { workSliceMs } from '../limits.ts';
import { WorkQueue } from './work-queue.ts';

/** Stands still within a call, as the system's does, while work takes its time. */
class WorkingClock extends VirtualClock {
  workedMs = 0;

  override precise(): number {
    return this.now() + this.workedMs;
  }
}

test('what one call adds is worked off in slices, however many add themselves', () => {
  const clock = new WorkingClock();
  const queue = new WorkQueue(clock);
  let done = 0;
  const work = () => {
    done += 1;
    clock.workedMs += 1;
  };
  for (let at = 0; at < 12; at++) queue.add({ work });
  expect(done).toBe(workSliceMs);
  clock.advanceBy(1);
  expect(done).toBe(workSliceMs * 2);
  clock.advanceBy(1);
  expect(done).toBe(12);
});
