// Metrics of active health checks, of the clusters that have them.

import type { ClusterView } from '../../stats/index.ts';
import type { ClusterRow } from './balance-rows.ts';

export const healthRows: readonly ClusterRow[] = [
  { name: 'attempt', type: 'counter', help: 'Active checks begun.', value: (c) => c.stats.health.attempts },
  { name: 'success', type: 'counter', help: 'Checks that passed.', value: (c) => c.stats.health.successes },
  {
    name: 'failure',
    type: 'counter',
    help: 'Checks that failed, and answers to requests that asked to leave their endpoint out.',
    value: (c) => c.stats.health.failures,
  },
  {
    name: 'passive_failure',
    type: 'counter',
    help: 'Of these, answers to requests.',
    value: (c) => c.stats.health.passiveFailures,
  },
  {
    name: 'network_failure',
    type: 'counter',
    help: 'Of these, connections and timeouts.',
    value: (c) => c.stats.health.networkFailures,
  },
  {
    name: 'healthy',
    type: 'gauge',
    help: 'Endpoints whose checks pass.',
    value: (c) => count(c, ({ healthy }) => healthy),
  },
  {
    name: 'degraded',
    type: 'gauge',
    help: 'Those of them that ask for little.',
    value: (c) => count(c, ({ degraded, healthy }) => healthy && degraded),
  },
];

type Checked = NonNullable<ClusterView['endpoints'][number]['health']>;

function count({ endpoints }: ClusterView, counts: (health: Checked) => boolean): number {
  let total = 0;
  for (const { health } of endpoints) if (health !== null && counts(health)) total += 1;
  return total;
}
