// `npm run story`: a bank on a real Kubernetes moves from node agents to sidecars and back while its clients go on.
// `WEFT_KUBENET` names the rig that starts the cluster.

import { writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { rigFolder } from '../src/testing/rig.ts';
import { drawPage } from './page.ts';
import { playStory } from './play.ts';
import { listSteps } from './steps.ts';

interface Flags {
  readonly rate: number;
  readonly json?: string;
  readonly page?: string;
  readonly keep?: true;
}

const rateMax = 200;
/** Of the whole story; fewer would prove little. */
const callsMin = 50_000;
const usageWindowMs = 5000;
/** Pods of each kind whose start is timed. */
const startsCount = 4;

const flags = new Command('story')
  .description('Plays the story of the bank on a real cluster, and says what its clients felt')
  .option('--rate <n>', 'home pages and transfers a second; a page is 28 calls', parseRate, 15)
  .option('--json <file>', 'write the report there')
  .option('--page <file>', 'write a page of plots there')
  .option('--keep', 'leave the cluster as it is when something went wrong')
  .parse()
  .opts<Flags>();

if (rigFolder === '') {
  console.error('WEFT_KUBENET must name the folder of the rig');
  process.exit(64);
}
const report = await playStory({
  steps: listSteps(flags.rate, startsCount),
  callsMin,
  usageWindowMs,
  print: (line) => console.log(line),
  keep: flags.keep === true,
});
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(report, null, 2)}\n`);
if (flags.page !== undefined) writeFileSync(flags.page, drawPage(report));
const { requests, failed, calls, money, faults } = report;
console.log(
  `${requests} requests, ${failed} failed, at least ${calls} calls; ${money.agreed} transfers agreed`,
);
for (const fault of faults) console.log(fault);
process.exit(faults.length === 0 ? 0 : 1);

function parseRate(text: string): number {
  const rate = Number(text);
  if (rate > 0 && rate <= rateMax) return rate;
  throw new InvalidArgumentError(`must be above 0, and at most ${rateMax}`);
}
