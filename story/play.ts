// Builds what the story needs, plays its steps one after the other, and reports.

import { chmodSync, linkSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Rig } from '../src/testing/rig.ts';
import { bankFolder, listImages } from './bank.ts';
import { createReport, type StoryReport } from './report.ts';
import { runStep, Stage, type Step, type StepReport } from './stage.ts';
import { nextImage } from './upgrade.ts';

export interface StoryOptions {
  readonly steps: readonly Step[];
  /** Calls between services that are wanted in all. */
  readonly callsMin: number;
  /** For how long the mesh's use of the machine is measured behind each step. */
  readonly usageWindowMs: number;
  readonly print: (line: string) => void;
  /** Leaves the cluster as it is when a step went wrong, so that a person can look. */
  readonly keep: boolean;
}

export async function playStory({
  steps,
  callsMin,
  usageWindowMs,
  print,
  keep,
}: StoryOptions): Promise<StoryReport> {
  const rig = new Rig();
  const stage = new Stage(rig, usageWindowMs, print);
  const beganMs = performance.now();
  let kept = false;
  try {
    await rig.up();
    await build(stage);
    const reports: StepReport[] = [];
    for (const step of steps) {
      const report = await runStep(stage, step, beganMs);
      reports.push(report);
      // What follows stands on it.
      if (report.fault !== '') break;
    }
    const { clients } = stage;
    if (clients === null) throw new Error(`the bank never opened: ${reports.at(-1)?.fault}`);
    await clients.stop();
    const money = clients.checkMoney(join(stage.ledgerFolder, 'ledger.db'));
    const report = createReport(reports, clients, money, callsMin);
    kept = keep && report.faults.length > 0;
    return report;
  } finally {
    if (kept) print(`the cluster is left as it is: ${rig.folder}`);
    else await rig.down();
  }
}

async function build({ rig, weft, ledgerFolder }: Stage): Promise<void> {
  const main = join(import.meta.dir, '../src/cli/main.ts');
  await rig.sh(`${process.execPath} build --compile --outfile ${weft} ${main} >/dev/null`);
  const limits = join(rig.folder, 'limits');
  await rig.sh(`cd ${bankFolder}/services/limits && CGO_ENABLED=0 go build -o ${limits} .`);
  mkdirSync(ledgerFolder);
  chmodSync(ledgerFolder, 0o777);
  const next = `${weft}-next`;
  linkSync(weft, next);
  await rig.loadImage('weft', [weft]);
  await rig.loadImage(nextImage, [next]);
  await rig.loadImage('envoy', ['envoy']);
  for (const [name, command] of listImages(limits)) await rig.loadImage(name, command);
}
