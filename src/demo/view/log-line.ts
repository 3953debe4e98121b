// The status as one line, where there is no terminal to draw on.

import type { DemoStatus } from '../control/status.ts';
import { pounds } from './dashboard.ts';

export function renderLogLine(status: DemoStatus): string {
  const { load, clients, money, replicas } = status;
  const ready = replicas.filter((replica) => replica.state === 'ready').length;
  const parts = [
    `clients=${clients.state}`,
    `generatorRestarts=${clients.restarts}`,
    `answers/s=${load?.requests ?? '?'}`,
    `failed=${load?.failed ?? '?'}`,
    `p50Ms=${load?.p50Ms ?? '?'}`,
    `p99Ms=${load?.p99Ms ?? '?'}`,
    `failedInAll=${status.failed}`,
    `retries=${status.retries}`,
    `ready=${ready}/${replicas.length}`,
    `policies=${status.policy}`,
    `money=${money === null ? '?' : pounds(money.found)}`,
    `expected=${money === null ? '?' : pounds(money.expected)}`,
  ];
  return parts.join(' ');
}
