// What a bench case is: proxies doing the same work, measured by the same steps, one after the other within a round, so
// that what the machine does to one it does to all. Figures are medians over the rounds.

import type { Work } from '../peers/work.ts';
import type { Running } from './running.ts';

/** By name, with the unit in the name. `failed` is summed up, all others are medians. */
export type Figures = Readonly<Record<string, number>>;

export interface Step {
  /** Before the figures' names in the report. */
  readonly label: string;
  /** Once before the rounds, in each round, or once after them. */
  readonly when: 'before' | 'round' | 'after';
  run(peer: Running): Promise<Figures>;
}

export interface Effort {
  readonly rounds: number;
  /** Of one load. */
  readonly seconds: number;
  readonly rates: readonly number[];
  readonly quick: boolean;
  /** Rivals play the first step of a plan alone: that their configuration still serves is all that is asked of them. */
  readonly rivalsBriefly?: boolean;
}

export interface BenchCase {
  readonly name: string;
  /** One line: what is measured. */
  readonly about: string;
  plan(effort: Effort): readonly Plan[];
}

/** Proxies are started anew for each plan. */
export interface Plan {
  /** Before the steps' labels; empty where a case has one plan. */
  readonly label: string;
  readonly work: Work;
  readonly steps: readonly Step[];
}
