// Runs a list of phases on a demo from start to end and reports.

import { Demo, type DemoOptions } from '../demo.ts';
import type { LoadProcess } from '../load/load-process.ts';
import { isMoneyRight } from '../load/money.ts';
import { oncePhases } from './phases.ts';
import { judge, type RunReport } from './report.ts';
import { betweenPhases, type Phase, type PhaseReport, runPhase, type Scene } from './scene.ts';
import { switchPhases } from './switch.ts';

const secondMs = 1000;
const warmUpMs = { max: 8000, calmP99: 200 } as const;

export type ScenarioName = 'once' | 'switch';

const scenarios: Readonly<
  Record<ScenarioName, { attachment: DemoOptions['attachment']; phases: readonly Phase[] }>
> = {
  once: { attachment: 'sidecar', phases: oncePhases },
  switch: { attachment: 'agent', phases: switchPhases },
};

/** `onDemo` gets the demo before it starts, so that a signal can end it. */
export async function runScripted(
  name: ScenarioName,
  options: Omit<DemoOptions, 'attachment' | 'commands'>,
  onDemo: (demo: Demo) => void,
): Promise<RunReport> {
  const startMs = performance.now();
  const { attachment, phases } = scenarios[name];
  const demo = new Demo({ ...options, attachment, commands: false });
  onDemo(demo);
  try {
    const startSeconds = await demo.start();
    options.print(`first call through all hops after ${startSeconds.toFixed(1)} s`);
    const reports = await runPhases(demo, phases);
    return await finish(demo, reports, startSeconds, startMs);
  } finally {
    await demo.stop('keep');
  }
}

async function runPhases(demo: Demo, phases: readonly Phase[]): Promise<PhaseReport[]> {
  const { cluster, load, meters, options } = demo;
  if (load === null) throw new Error('bug: phases without clients');
  const scene: Scene = { cluster, load, meters, baseline: [], print: options.print };
  await warmUp(load);
  await Promise.all([demo.usage.read({ memory: false }), meters.readRetries()]);
  const reports: PhaseReport[] = [];
  for (const phase of phases) {
    reports.push(await runPhase(scene, phase));
    // Also between, so that a process that ends during the next phase has been counted.
    await demo.usage.read({ memory: false });
  }
  return reports;
}

/**
 * The first seconds show fifty cold processes and not the mesh: wait for three seconds in a row without a queue, but
 * not for ever on a machine that is busy with other things.
 */
async function warmUp(load: LoadProcess): Promise<void> {
  const deadlineMs = performance.now() + warmUpMs.max;
  for (let calm = 0; calm < 3 && performance.now() < deadlineMs; ) {
    await Bun.sleep(secondMs);
    const { last } = load;
    const p99Ms = last?.p99Ms ?? Number.POSITIVE_INFINITY;
    calm = p99Ms < warmUpMs.calmP99 ? calm + 1 : 0;
  }
}

async function finish(
  demo: Demo,
  phases: readonly PhaseReport[],
  startSeconds: number,
  startMs: number,
): Promise<RunReport> {
  const load = demo.load!;
  const usage = await demo.usage.read({ memory: true });
  const proxies = demo.machine.state.rows.filter((row) => row.kind === 'proxy').length;
  await load.stop();
  const money = demo.checkMoney();
  const { expected, found, doubled, lost, agreed } = money;
  const slots = [...demo.cluster.slots.values()];
  const wellSoFar =
    load.total.failed === 0 && isMoneyRight(money) && phases.every((phase) => phase.fault === '');
  const left = await demo.stop(wellSoFar ? 'remove' : 'keep');
  const report = {
    services: new Set(slots.map((slot) => slot.workload.name)).size,
    replicas: slots.length,
    proxies,
    requests: load.total.requests,
    failed: load.total.failed,
    money: { expected, found, doubled, lost },
    acknowledged: load.acknowledged.length,
    agreed,
    phases,
    failures: load.failures,
    startSeconds: Math.round(startSeconds * 10) / 10,
    seconds: Math.round((performance.now() - startMs) / 100) / 10,
    usage,
    left,
  };
  return judge(report, money);
}

/** Lines for the person who watches, after the phases' own. */
export function describeReport(report: RunReport): readonly string[] {
  const { money, phases } = report;
  const between = report.requests - phases.reduce((sum, phase) => sum + phase.requests, 0);
  return [
    `${report.requests} requests (${between} of them ${betweenPhases} phases), ${report.failed} failed, in ${report.seconds} s`,
    `${report.acknowledged} transfers acknowledged, ${report.agreed} found exactly once, ${money.doubled} doubled, ${money.lost} lost; ` +
      `all accounts hold ${money.found} of ${money.expected} pennies`,
    ...report.usage.map(
      ({ kind, processes, cpuPercentMean, memoryBytes, measure }) =>
        `${kind.padEnd(8)} ${processes} processes, ${cpuPercentMean.toFixed(0)} % of a core over the phases, ` +
        `${Math.round(memoryBytes / 1e6)} MB ${measure.toUpperCase()}`,
    ),
    ...report.failures
      .slice(0, 10)
      .map(
        (failure) =>
          `failed in ${failure.phase}: ${failure.kind} after ${failure.afterMs} ms: ${failure.reason}`,
      ),
    ...(report.left.length === 0 ? [] : [`processes left: ${report.left.join(', ')}`]),
    report.fine ? 'fine' : 'NOT fine',
  ];
}
