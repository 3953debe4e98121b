// What a scripted run leaves behind: `--json FILE`, and the exit code it stands for.

import type { DemoStatus } from '../control/status.ts';
import type { PhaseFailure } from '../load/load-process.ts';
import { isMoneyRight, type MoneyReport } from '../load/money.ts';
import type { PhaseReport } from './scene.ts';

export interface RunReport {
  readonly services: number;
  readonly replicas: number;
  readonly proxies: number;
  /** The clients' view over the whole run. */
  readonly requests: number;
  readonly failed: number;
  /** Pennies in all accounts, expected and found; transfers booked twice; acknowledged transfers that are not there. */
  readonly money: Pick<MoneyReport, 'expected' | 'found' | 'doubled' | 'lost'>;
  /** Acknowledged transfers, and how many of them were found exactly once. */
  readonly acknowledged: number;
  readonly agreed: number;
  readonly phases: readonly PhaseReport[];
  /** The first failures word for word. */
  readonly failures: readonly PhaseFailure[];
  readonly startSeconds: number;
  readonly seconds: number;
  readonly usage: DemoStatus['usage'];
  /** Ids of processes that outlived the run. */
  readonly left: readonly number[];
  /** Nothing failed, the money is right, every phase did what it should, no process is left. */
  readonly fine: boolean;
}

export function judge(report: Omit<RunReport, 'fine'>, money: MoneyReport): RunReport {
  const fine =
    report.requests > 0 &&
    report.failed === 0 &&
    isMoneyRight(money) &&
    report.agreed === report.acknowledged &&
    report.phases.every((phase) => phase.fault === '') &&
    report.left.length === 0;
  return { ...report, fine };
}
