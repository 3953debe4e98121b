// What the admin pages may look at and do. They read live objects and copy nothing.

import type { Clock } from '../../base/index.ts';
import type { Histogram, LeveledLog } from '../../observe/index.ts';
import type { ConfigSource } from '../config/index.ts';
import type { DrainOptions } from '../drain.ts';
import type { OverloadView } from '../overload/index.ts';
import type { ReadinessView } from '../readiness.ts';
import type { ProxyView } from '../stats/index.ts';
import type { Stat } from './pages/stat-names.ts';

/** The process around the proxy; a simulated proxy has none. */
export interface ProcessInfo {
  cpuSeconds(): number;
  residentBytes(): number;
  /** Bytes of the collector's heap in use, and its size. */
  heapBytes(): { readonly used: number; readonly total: number };
  readonly startedWallMs: number;
}

export interface AdminActions {
  /**
   * Stops taking new connections and finishes what runs; the process stays. `keepListening`: answers tell their clients
   * to come back elsewhere, and new connections are still taken.
   */
  drainListeners(options: DrainOptions): void;
  /** After a log rotation. */
  reopenLogs(): void;
  /** Readiness says no, and answers end their connections, while everything goes on. */
  failHealth(failed: boolean): void;
  /** Ends the process in order. */
  quit(): void;
}

/** How late event loops were. */
export interface StallView {
  readonly histogram: Histogram;
  readonly maxMs: number;
}

export interface AdminContext {
  readonly clock: Clock;
  /** Threads that serve. */
  readonly threads: number;
  /** Requests begun by each of them; empty where there is one. */
  readonly threadRequests: readonly number[];
  readonly view: ProxyView;
  readonly config: ConfigSource;
  readonly stalls: StallView;
  readonly overload: OverloadView;
  readonly log: LeveledLog;
  readonly version: string;
  readonly process: ProcessInfo | null;
  readonly actions: AdminActions;
  readonly readiness: ReadinessView;
  /** Access-log lines that were lost, all logs together. */
  accessLogDropped(): number;
  /** Brings the view up to what all threads have counted by now; null: it is live. */
  readonly collect: (() => Promise<void>) | null;
  /** Counters as from the last reset on. */
  sinceReset(stats: readonly Stat[]): readonly Stat[];
  resetCounters(stats: readonly Stat[]): void;
  /** Series folded by earlier scrapes. */
  foldedSeries: number;
}
