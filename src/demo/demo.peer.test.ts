// The whole demo as a user runs it: real processes, real sockets, a minute of faults. In CI always; elsewhere when
// asked for, because it wants the machine for itself.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeSkipped, isCi } from '../testing/programs.ts';
import type { RunReport } from './scenario/report.ts';

const wanted = isCi || process.env['WEFT_DEMO_TEST'] === '1';

const weft = join(import.meta.dir, '../../bin/weft');
const runTimeoutMs = 240_000;
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-demo-test-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function run(...args: readonly string[]): Promise<{ code: number; report: RunReport; output: string }> {
  const path = join(folder, 'report.json');
  const child = Bun.spawn([weft, 'demo', '--once', '--small', '--json', path, ...args], {
    stderr: 'inherit',
  });
  const output = await new Response(child.stdout).text();
  const code = await child.exited;
  return { code, output, report: JSON.parse(readFileSync(path, 'utf8')) };
}

function expectFine({ code, report, output }: Awaited<ReturnType<typeof run>>): void {
  expect(report.failures).toEqual([]);
  expect(
    report.phases.map(({ name, fault }) => ({ name, fault })).filter(({ fault }) => fault !== ''),
  ).toEqual([]);
  expect(report).toMatchObject({ failed: 0, fine: true, left: [], agreed: report.acknowledged });
  expect(report.money).toEqual({
    expected: report.money.expected,
    found: report.money.expected,
    doubled: 0,
    lost: 0,
  });
  expect(report.requests).toBeGreaterThan(250);
  expect(report.acknowledged / report.requests).toBeGreaterThan(0.3);
  expect([code, output.includes('NOT fine')]).toEqual([0, false]);
}

function describeDemo(name: string, body: () => void): void {
  if (wanted) describe(name, body);
  else describeSkipped('it takes a minute and all cores; set WEFT_DEMO_TEST=1 to run it', name, body);
}

describeDemo('weft demo --once', () => {
  test(
    'survives every phase without a failed request, and the money is right',
    async () => {
      // The other test has the pods in namespaces, where this machine allows it.
      const outcome = await run('--network', 'loopback');
      expectFine(outcome);
      expect(outcome.report.phases.map(({ name }) => name)).toEqual([
        'baseline',
        'replica-killed',
        'replica-slow',
        'replica-failing',
        'control-plane-restarted',
        'traffic-split',
        'rolling-restart',
      ]);
    },
    runTimeoutMs,
  );

  test(
    'switches from agents to sidecars, back half-way and on to the end',
    async () => {
      expectFine(await run('--scenario', 'switch'));
    },
    runTimeoutMs,
  );
});
