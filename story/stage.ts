// What the story is played on, and how a step of it is measured: the bank's clients go on through all of it.

import { join } from 'node:path';
import type { Rig } from '../src/testing/rig.ts';
import type { Clients } from './clients.ts';
import { measureUsage, type Usage } from './usage.ts';

export class Stage {
  readonly rig: Rig;
  /** The program that the mesh's images stand for. */
  readonly weft: string;
  /** Where the ledger's replicas have their database. */
  readonly ledgerFolder: string;
  /** Behind each step: what the mesh costs where it has arrived. */
  readonly usageWindowMs: number;
  /** null until the bank is open. */
  clients: Clients | null = null;
  readonly print: (line: string) => void;

  constructor(rig: Rig, usageWindowMs: number, print: (line: string) => void) {
    this.rig = rig;
    this.weft = join(rig.folder, 'weft');
    this.ledgerFolder = join(rig.folder, 'ledger');
    this.usageWindowMs = usageWindowMs;
    this.print = print;
  }

  /** `kubectl ARGUMENTS`; returns what it prints. */
  kubectl(args: string, input = ''): Promise<string> {
    return this.rig.sh(`kubectl ${args}`, input);
  }

  apply(objects: readonly object[]): Promise<string> {
    return this.kubectl('apply -f -', objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  }

  /** Every Deployment of these namespaces has its pods, and no others. */
  async whenRolledOut(namespaces: readonly string[]): Promise<void> {
    for (const namespace of namespaces) {
      const names = (await this.kubectl(`get deployments -n ${namespace} -o name`)).trim().split('\n');
      for (const name of names) await this.kubectl(`rollout status -n ${namespace} ${name} --timeout=180s`);
    }
  }
}

export interface Step {
  readonly name: string;
  /** One sentence, for the report. */
  readonly about: string;
  /** Returns what this step alone has to report. Throws when something is not as it should be. */
  run(stage: Stage): Promise<object | undefined>;
}

/** One step as the clients saw it. */
export interface StepReport {
  readonly name: string;
  readonly about: string;
  readonly beganSeconds: number;
  readonly seconds: number;
  readonly requests: number;
  readonly failed: number;
  /** null: no request ended in it. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Where it led to, at rest but for the clients. */
  readonly usage: Usage;
  /** Why the step did not do what it should; '' when it did. */
  readonly fault: string;
  readonly detail?: object;
}

export async function runStep(stage: Stage, step: Step, beganMs: number): Promise<StepReport> {
  const startMs = performance.now();
  const { name, about } = step;
  // Clients that begin in it have no name for it yet.
  const isOpening = stage.clients === null;
  stage.clients?.enter(name);
  let detail: object | undefined;
  let fault = '';
  try {
    detail = await step.run(stage);
  } catch (error) {
    fault = error instanceof Error ? error.message : String(error);
  }
  const seconds = (performance.now() - startMs) / 1000;
  const usage = await measureUsage(stage.weft, stage.usageWindowMs);
  stage.clients?.enter('between');
  const summary = (await stage.clients?.summary(isOpening ? 'start' : name)) ?? {
    requests: 0,
    failed: 0,
    p50Ms: null,
    p99Ms: null,
  };
  const beganSeconds = Math.round((startMs - beganMs) / 1000);
  const report = { name, about, beganSeconds, seconds, ...pick(summary), usage, fault };
  stage.print(describeStep(report));
  for (const { afterMs, reason } of stage.clients?.failures.filter((one) => one.step === name).slice(0, 3) ??
    [])
    stage.print(`  after ${afterMs} ms: ${reason.slice(0, 300)}`);
  return detail === undefined ? report : { ...report, detail };
}

function pick({
  requests,
  failed,
  p50Ms,
  p99Ms,
}: Pick<StepReport, 'requests' | 'failed' | 'p50Ms' | 'p99Ms'>) {
  return { requests, failed, p50Ms, p99Ms };
}

function describeStep({ name, seconds, requests, failed, p50Ms, p99Ms, fault }: StepReport): string {
  const times = p50Ms === null ? '' : `, p50 ${p50Ms} ms, p99 ${p99Ms} ms`;
  const facts = `${seconds.toFixed(1)} s, ${requests} requests, ${failed} failed${times}`;
  return `${name.padEnd(28)} ${facts}${fault === '' ? '' : `\n  ${fault}`}`;
}
