import { describe, expect, test } from 'bun:test';
import { type Issue, VirtualClock } from '../base/index.ts';
import { Readiness } from './readiness.ts';

function setup() {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const config = {
    ready: false,
    refusedListeners: [] as Issue[],
    warmingNames: { listeners: [] as string[], clusters: [] as string[] },
  };
  const plane = { draining: false, healthFailed: false, obstacles: [] as Issue[] };
  const log = {
    debugEnabled: false,
    write: (level: string, message: string, fields?: object) =>
      lines.push(`${level} ${message} ${JSON.stringify(fields)}`),
  };
  const readiness = new Readiness({ clock, log, config, plane });
  readiness.start();
  return { clock, lines, config, plane, readiness };
}

const taken: Issue = { object: 'in', field: 'address', rule: 'listen: in use', value: '127.0.0.1:15006' };

describe('ready means serving', () => {
  test('not before the configuration is known, and it says what is waited for', () => {
    const { readiness, config } = setup();
    expect(readiness.state).toBe('PRE_INITIALIZING');
    expect(readiness.reasons).toEqual(['the control plane has not answered yet']);
    config.warmingNames = { listeners: ['out'], clusters: Array.from({ length: 30 }, (_, at) => `c${at}`) };
    expect(readiness.reasons[0]).toStartWith('waiting for what belongs to listener out, cluster c0');
    expect(readiness.reasons[0]).toEndWith('and 21 more');
  });

  test('not while a listener is unbound or has no routes; why is told once, serving is told once', () => {
    const { clock, lines, readiness, config, plane } = setup();
    plane.obstacles = [taken];
    config.ready = true;
    clock.advanceBy(1_000);
    expect([readiness.state, ...readiness.reasons]).toEqual([
      'INITIALIZING',
      'in: address: listen: in use (got 127.0.0.1:15006)',
    ]);
    plane.obstacles = [];
    clock.advanceBy(1_000);
    expect([readiness.state, readiness.reasons]).toEqual(['LIVE', []]);
    expect(lines.map((line) => line.split(' {')[0]!)).toEqual(['warn not serving', 'info serving']);
    expect(clock.armedCount).toBe(0);
  });

  test('not while a listener that the control plane wants was refused', () => {
    const { clock, readiness, config } = setup();
    config.refusedListeners = [taken];
    config.ready = true;
    clock.advanceBy(1_000);
    expect([readiness.state, readiness.reasons.length]).toEqual(['INITIALIZING', 1]);
    config.refusedListeners = [];
    expect(readiness.state).toBe('LIVE');
  });

  test('a listener that a later change adds in vain is a fault of the change, not of the proxy', () => {
    const { clock, readiness, config, plane } = setup();
    config.ready = true;
    clock.advanceBy(200);
    plane.obstacles = [taken];
    expect(readiness.state).toBe('LIVE');
  });

  test('draining and failed health checks say so', () => {
    const { readiness, config, plane } = setup();
    config.ready = true;
    plane.healthFailed = true;
    expect([readiness.state, ...readiness.reasons].join(': ')).toStartWith(
      'DRAINING: health checks are made to fail',
    );
    plane.draining = true;
    expect(readiness.reasons).toEqual(['draining']);
  });
});
