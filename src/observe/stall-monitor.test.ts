import { describe, expect, test } from 'bun:test';
import type { Clock, Timer } from '../base/index.ts';
import { createJsonLog } from './json-log.ts';
import { StallMonitor } from './stall-monitor.ts';

/** Fires its one timer when told, as late as told. */
class LateClock implements Clock {
  armedMs: number[] = [];
  private nowMs = 0;
  private timer: Timer | null = null;
  private dueMs = 0;

  now(): number {
    return this.nowMs;
  }

  precise(): number {
    return this.nowMs;
  }

  wall(): number {
    return this.nowMs;
  }

  arm(timer: Timer, delayMs: number): void {
    this.timer = timer;
    this.dueMs = this.nowMs + delayMs;
    this.armedMs.push(delayMs);
  }

  cancel(): void {
    this.timer = null;
  }

  fire(lateMs: number): void {
    this.nowMs = this.dueMs + lateMs;
    this.timer?.handler.onTimer(this.timer.kind, this.nowMs);
  }
}

describe('StallMonitor', () => {
  test('lateness is recorded, the longest remembered', () => {
    const clock = new LateClock();
    const monitor = new StallMonitor(clock, { requests: 0, connections: 1 });
    monitor.start();
    for (const lateMs of [0, 30, 2]) clock.fire(lateMs);
    expect(monitor.histogram.count).toBe(3);
    expect(monitor.histogram.sum).toBeCloseTo(0.032);
    clock.fire(5);
    expect(monitor.maxMs).toBe(30);
  });

  test('one stall is no lag, however long; samples that are all late are', () => {
    const clock = new LateClock();
    const monitor = new StallMonitor(clock, { requests: 0, connections: 1 });
    monitor.start();
    for (let look = 0; look < 8; look++) clock.fire(0);
    clock.fire(60_000);
    expect(monitor.lagMs).toBe(0);
    for (let look = 0; look < 7; look++) clock.fire(2_000 + look);
    expect(monitor.lagMs).toBe(2_000);
    clock.fire(1);
    expect(monitor.lagMs).toBe(1);
  });

  test('it samples more the more happens', () => {
    const clock = new LateClock();
    const activity = { requests: 0, connections: 0 };
    const monitor = new StallMonitor(clock, activity);
    monitor.start();
    activity.connections = 1;
    clock.fire(0);
    activity.requests += 10;
    clock.fire(0);
    activity.requests += 100;
    clock.fire(0);
    expect(clock.armedMs).toEqual([4_000, 1_000, 100, 20]);
    monitor.stop();
    clock.fire(0);
    expect(clock.armedMs.length).toBe(4);
  });
});

describe('createJsonLog', () => {
  test('one object a line, from the level on, which may change', () => {
    const lines: string[] = [];
    const log = createJsonLog('info', { write: (line) => lines.push(line) }, () => 0);
    log.write('debug', 'unseen');
    log.write('warn', 'seen', { name: 'a"b', count: 1 });
    expect(log.debugEnabled).toBe(false);
    log.level = 'debug';
    log.write('debug', 'now seen');
    expect(log.debugEnabled).toBe(true);
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { time: '1970-01-01T00:00:00.000Z', level: 'warn', message: 'seen', name: 'a"b', count: 1 },
      { time: '1970-01-01T00:00:00.000Z', level: 'debug', message: 'now seen' },
    ]);
  });
});
