// What a scripted run consists of: phases that do something to the bank while its clients go on, and a record of how
// the clients fared.

import type { BankCluster } from '../cluster/bank-cluster.ts';
import type { LoadProcess } from '../load/load-process.ts';
import type { LoadSummary } from '../load/protocol.ts';
import type { Meters } from '../view/meters.ts';
import type { CallerReport } from './callers.ts';

export interface Scene {
  readonly cluster: BankCluster;
  readonly load: LoadProcess;
  readonly meters: Meters;
  /** The callers of the replica that will turn slow, as the baseline found them. */
  baseline: readonly CallerReport[];
  /** One line for the person who watches. */
  print(line: string): void;
}

export interface Phase {
  readonly name: string;
  /** The phase lasts at least this long, so that there is something to count. */
  readonly minimumMs: number;
  /** Hurts, heals and waits; returns what this phase alone has to report. Throws when the mesh did not do its part. */
  run(scene: Scene): Promise<object | undefined>;
}

/** One phase as the clients saw it, with the retries that all proxies made. */
export interface PhaseReport {
  readonly name: string;
  readonly requests: number;
  readonly failed: number;
  readonly retries: number;
  /** null: no request ended in it. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly durationMs: number;
  /** Why the phase did not do what it should; '' when it did. */
  readonly fault: string;
  readonly detail?: object;
}

/** The name under which requests between two phases are counted. */
export const betweenPhases = 'between';

const nothingKnown: LoadSummary = { requests: 0, failed: 0, p50Ms: null, p99Ms: null };

export async function runPhase(scene: Scene, phase: Phase): Promise<PhaseReport> {
  const startMs = performance.now();
  // As of the end of the phase before: a reading asks every proxy for all it counts.
  const retriesBefore = scene.meters.retries;
  const restartsBefore = scene.load.restarts;
  scene.load.enter(phase.name);
  let detail: object | undefined;
  let fault = '';
  try {
    detail = await phase.run(scene);
  } catch (error) {
    fault = error instanceof Error ? error.message : String(error);
  }
  const restMs = phase.minimumMs - (performance.now() - startMs);
  if (restMs > 0) await Bun.sleep(restMs);
  scene.load.enter(betweenPhases);
  const durationMs = Math.round(performance.now() - startMs);
  const [summary, retriesAfter] = await Promise.all([
    scene.load.summary(phase.name).catch(() => nothingKnown),
    scene.meters.readRetries(),
  ]);
  // What it had on its way, nobody counted.
  if (scene.load.restarts !== restartsBefore) fault ||= 'the load generator ended and was started again';
  const { requests, failed, p50Ms, p99Ms } = summary;
  const retries = retriesAfter - retriesBefore;
  const report = { name: phase.name, requests, failed, retries, p50Ms, p99Ms, durationMs, fault };
  scene.print(describePhase(report));
  return detail === undefined ? report : { ...report, detail };
}

function describePhase(report: PhaseReport): string {
  const { name, requests, failed, retries, p50Ms, p99Ms, fault } = report;
  const times = p50Ms === null ? 'no latency' : `p50 ${p50Ms} ms, p99 ${p99Ms} ms`;
  const facts = `${requests} requests, ${failed} failed, ${retries} retries, ${times}`;
  return `${name.padEnd(24)} ${facts}${fault === '' ? '' : `; ${fault}`}`;
}

/** Polls until `done` says so; throws with `what` when it takes too long. */
export async function until(
  what: string,
  timeoutMs: number,
  done: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await done())) {
    if (performance.now() > deadlineMs) throw new Error(`${what}: not within ${timeoutMs / 1000} s`);
    await Bun.sleep(100);
  }
}
