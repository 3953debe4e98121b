// What the story came to, for programs (JSON) and, by page.ts, for people.

import { isMoneyRight, type MoneyReport } from '../src/demo/load/money.ts';
import type { Clients, Second } from './clients.ts';
import type { StepReport } from './stage.ts';

export interface StoryReport {
  readonly steps: readonly StepReport[];
  readonly requests: number;
  readonly failed: number;
  /** Calls between services that they took, at least. */
  readonly calls: number;
  readonly money: MoneyReport;
  readonly failures: Clients['failures'];
  readonly seconds: readonly Second[];
  /** What is not as it should be; empty when the story went well. */
  readonly faults: readonly string[];
}

export function createReport(
  steps: readonly StepReport[],
  clients: Clients,
  money: MoneyReport,
  callsMin: number,
): StoryReport {
  const { total, calls, failures, seconds } = clients;
  const faults = steps.filter(({ fault }) => fault !== '').map(({ name, fault }) => `${name}: ${fault}`);
  if (total.failed > 0) faults.push(`${total.failed} of ${total.requests} requests failed`);
  if (calls < callsMin) faults.push(`${calls} calls, and ${callsMin} were wanted`);
  if (!isMoneyRight(money)) faults.push(`the money is not right: ${JSON.stringify(money)}`);
  return { steps, ...total, calls, money, failures, seconds, faults };
}
