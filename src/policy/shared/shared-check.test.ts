import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { type CheckResult, HealthJudge, type HealthTiming } from '../health/index.ts';
import { SharedCounters } from './counters.ts';
import { SharedMemory } from './shared-memory.ts';

const timing = { healthyThreshold: 2, unhealthyThreshold: 3 } as HealthTiming;
const results: readonly CheckResult[] = ['passed', 'degraded', 'failed', 'refused', 'network', 'timeout'];

function setup() {
  const memory = SharedMemory.create(1 << 20);
  let changes = 0;
  const open = (leads: boolean) => {
    const onChange = () => {
      changes += 1;
    };
    const counters = new SharedCounters(new SharedMemory(memory.buffer), onChange, () => {}, leads);
    return counters.createCheck('c', '10.0.0.1:80')!;
  };
  return { memory, changes: () => changes, leader: open(true), follower: open(false) };
}

const findings = ({ degraded, excluded, healthy, pending, timedOut }: HealthJudge) => ({
  degraded,
  excluded,
  healthy,
  pending,
  timedOut,
});

test('who reads knows what who checks found, whenever it looks', () => {
  const step = fc.record({ result: fc.constantFrom(...results), looks: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const { leader, follower, memory } = setup();
      const [own, other] = [new HealthJudge(), new HealthJudge()];
      for (const { result, looks } of steps) {
        own.onResult(result, timing);
        leader.post(own);
        if (looks) follower.read(other);
        if (looks) expect(findings(other)).toEqual(findings(own));
      }
      follower.read(other);
      expect(findings(other)).toEqual(findings(own));
      expect(follower.read(other)).toBe(false);
      leader.release();
      follower.release();
      expect(memory.blocks).toBe(0);
    }),
  );
});

test('nobody is told of what stays the same', () => {
  const { leader, changes } = setup();
  const judge = new HealthJudge();
  for (let check = 0; check < 5; check++) {
    judge.onResult('passed', timing);
    leader.post(judge);
  }
  expect(changes()).toBe(1);
});

test('a wish to leave it out comes to the leader once', () => {
  const { leader, follower, changes } = setup();
  follower.requestFailure();
  expect(changes()).toBe(1);
  expect([leader.takeFailure(), leader.takeFailure()]).toEqual([true, false]);
});

test('one thread’s use of the cluster counts for the one that checks', () => {
  const { leader, follower } = setup();
  expect(leader.used).toBe(false);
  follower.markUsed();
  expect(leader.used).toBe(true);
});
