// What the story came to, for programs (JSON) and, by page.ts, for people.

import { isMoneyRight, type MoneyReport } from '../src/demo/load/money.ts';
import type { Clients, Second } from './clients.ts';
import type { StepReport } from './stage.ts';

export interface StoryReport {
  readonly steps: readonly StepReport[];
  readonly requests: number;
  readonly failed: number;
  /** Asked for again by clients, because their idle connection was ended as they asked. */
  readonly repeated: number;
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
  const { total, calls, failures, repeated, seconds } = clients;
  const faults = steps.filter(({ fault }) => fault !== '').map(({ name, fault }) => `${name}: ${fault}`);
  if (total.failed > 0) faults.push(`${total.failed} of ${total.requests} requests failed`);
  if (repeated > repeatedMax(total.requests))
    faults.push(`${repeated} of ${total.requests} requests lost their connection, and were asked again`);
  if (calls < callsMin) faults.push(`${calls} calls, and ${callsMin} were wanted`);
  if (!isMoneyRight(money)) faults.push(`the money is not right: ${JSON.stringify(money)}`);
  return { steps, ...total, repeated, calls, money, failures, seconds, faults };
}

/** A rollout ends connections that were idle for a second; that one of a thousand requests meets that very moment. */
function repeatedMax(requests: number): number {
  return Math.ceil(requests / 1000);
}
