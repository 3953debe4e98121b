// What a demo says when it is ended: the same three questions as its script answers. Did anything fail, is the money
// right, what did it take?

import type { PhaseFailure } from '../load/load-process.ts';
import { isMoneyRight, type MoneyReport } from '../load/money.ts';
import type { LoadTotal } from '../load/protocol.ts';
import { pounds } from './dashboard.ts';

export interface DemoSummary {
  readonly seconds: number;
  readonly total: LoadTotal;
  /** The first ones, word for word. */
  readonly failures: readonly PhaseFailure[];
  readonly generatorRestarts: number;
  readonly retries: number;
  readonly money: MoneyReport;
}

const failuresShown = 3;

export function describeSummary(summary: DemoSummary): readonly string[] {
  const { total, failures, retries, generatorRestarts, money } = summary;
  const acknowledged = money.agreed + money.doubled + money.lost;
  const right = isMoneyRight(money) ? 'as it must be' : `must be ${pounds(money.expected)}`;
  return [
    `${total.requests} requests in ${formatSeconds(summary.seconds)}, ${total.failed} failed, ${retries} retries`,
    `${acknowledged} transfers acknowledged, ${money.agreed} found exactly once, ${money.doubled} doubled, ${money.lost} lost; ` +
      `${pounds(money.found)} in all accounts, ${right}`,
    ...(generatorRestarts === 0 ? [] : [`the load generator was restarted ${generatorRestarts}×`]),
    ...failures
      .slice(0, failuresShown)
      .map(({ kind, afterMs, reason }) => `failed: ${kind} after ${afterMs} ms: ${reason}`),
  ];
}

function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
