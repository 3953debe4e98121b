// What every part of the data path is given instead of globals. One object per proxy, passed by reference.

import type { Clock, Log, Random } from '../base/index.ts';
import type { Network, Resolver } from '../net/index.ts';
import type { Counters } from '../policy/index.ts';
import type { EventLogs } from './event-logs.ts';
import type { LocalClusterWatch } from './local-cluster.ts';
import type { TlsRuntime } from './tls/index.ts';

/** What formats may say of the process. */
export interface Machine {
  readonly hostName: string;
  /** A variable of the environment; null: it is not set. */
  environment(name: string): string | null;
}

import type { UserFilters } from './filters/user/user-filters.ts';

export interface ProxyContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly resolver: Resolver;
  readonly log: Log;
  readonly tls: TlsRuntime;
  readonly eventLogs: EventLogs;
  /** Where limits, budgets and ejections count: they hold for the proxy, whatever its threads. */
  readonly counters: Counters;
  /** null: no request is kept in its zone. */
  readonly local: LocalClusterWatch | null;
  /** Counts connections of both sides: their ids in logs. */
  readonly connectionIds: { last: number };
  readonly machine: Machine;
  /** `<namespace>/<service>` of the workload beside this proxy, sent to proxied endpoints; '' says nothing. */
  readonly peer: string;
  /** Filters of the user's own that are loaded. */
  readonly userFilters: UserFilters;
  /** Envoy's service cluster, `node.cluster`; '' where it has none. */
  readonly serviceCluster: string;
  /** For spans, and for requests that name it; '' where it has none. */
  readonly node: { readonly id: string; readonly zone: string };
}
