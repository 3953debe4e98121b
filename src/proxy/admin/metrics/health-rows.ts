// Metrics of active health checks, of the clusters that have them.

import type { ClusterView } from '../../stats/index.ts';
import type { ClusterRow } from './balance-rows.ts';

function counted(name: string, help: string, key: keyof ClusterView['stats']['health']): ClusterRow {
  return { name, type: 'counter', help, value: ({ stats }) => stats.health[key] };
}

export const healthRows: readonly ClusterRow[] = [
  counted('attempt', 'Active checks begun.', 'attempts'),
  counted('success', 'Checks that passed.', 'successes'),
  counted(
    'failure',
    'Checks that failed, and answers to requests that asked to leave their endpoint out.',
    'failures',
  ),
  counted('passive_failure', 'Of these, answers to requests.', 'passiveFailures'),
  counted('network_failure', 'Of these, connections and timeouts.', 'networkFailures'),
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
