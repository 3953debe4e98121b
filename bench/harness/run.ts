// Plays a case with every proxy that is installed and can do it.

import { peers } from '../peers/peers.ts';
import type { Peer } from '../peers/work.ts';
import { type Backend, startBackend } from './backend.ts';
import type { BenchCase, Effort, Figures, Plan, Step } from './case.ts';
import { measureSaturated } from './measure.ts';
import { type Running, startPeer } from './running.ts';
import { Tally } from './tally.ts';

/** Long enough that code which is used is compiled: what is measured is how a proxy runs, not how it starts. */
const warmUpSeconds = 4;

export interface CaseResult {
  readonly name: string;
  readonly about: string;
  readonly peers: readonly string[];
  readonly rows: readonly { readonly label: string; readonly values: readonly number[] }[];
}

export async function runCase(
  bench: BenchCase,
  effort: Effort,
  only: readonly string[],
): Promise<CaseResult> {
  const chosen = peers.filter((peer) => only.length === 0 || only.includes(peer.name));
  const present = chosen.filter((peer) => Bun.which(peer.program) !== null);
  for (const peer of chosen)
    if (!present.includes(peer)) console.log(`${peer.name}: not installed, left out`);
  const tally = new Tally(present.map((peer) => peer.name));
  const backend = await startBackend(3);
  try {
    for (const plan of bench.plan(effort)) await runPlan(plan, effort, present, backend, tally);
  } finally {
    await backend.stop();
  }
  return {
    name: bench.name,
    about: bench.about,
    peers: present.map((peer) => peer.name),
    rows: tally.rows(),
  };
}

async function runPlan(
  plan: Plan,
  effort: Effort,
  present: readonly Peer[],
  backend: Backend,
  tally: Tally,
): Promise<void> {
  const able = present.filter((peer) => peer.canDo?.(plan.work) ?? true);
  const running: Running[] = [];
  const play = async (when: Step['when']): Promise<void> => {
    for (const peer of running)
      for (const step of stepsOf(plan, peer, effort).filter((one) => one.when === when))
        report(plan, step, peer, await step.run(peer), tally);
  };
  try {
    const endpoints = await backend.endpoints(plan.work.endpoints);
    for (const [index, peer] of able.entries())
      running.push(await startPeer(peer, plan.work, endpoints, index));
    await play('before');
    if (!effort.quick && plan.steps.some((step) => step.when === 'round'))
      for (const peer of running) await measureSaturated(peer, warmUpSeconds);
    for (let round = 1; round <= effort.rounds; round++) await play('round');
    await play('after');
  } finally {
    await Promise.all(running.map((peer) => peer.stop()));
  }
}

function stepsOf({ steps }: Plan, { name }: Running, { rivalsBriefly }: Effort): readonly Step[] {
  return rivalsBriefly === true && name !== 'weft' ? steps.slice(0, 1) : steps;
}

function report(plan: Plan, step: Step, peer: Running, figures: Figures, tally: Tally): void {
  const prefix = [plan.label, step.label].filter((part) => part !== '').join(', ');
  tally.add(peer.name, prefix, figures);
  const [first] = Object.entries(figures);
  if (first !== undefined) console.log(`${prefix}, ${peer.name}: ${first[0]} ${first[1].toFixed(2)}`);
}
