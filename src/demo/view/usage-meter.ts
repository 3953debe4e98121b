// What the mesh costs beside what it serves: CPU time and memory by kind of process. CPU is summed process by process, so that a
// process that ends takes nothing back.

import type { ProcessKind, ProcessRow } from '../machine/state-file.ts';
import { memoryMeasure, readUsage } from '../machine/usage.ts';

export interface KindUsage {
  readonly kind: ProcessKind;
  readonly processes: number;
  /** Of one core, since the reading before, and since the first reading. */
  readonly cpuPercent: number;
  readonly cpuPercentMean: number;
  readonly memoryBytes: number;
  readonly measure: 'pss' | 'rss';
}

const kinds: readonly ProcessKind[] = ['proxy', 'control', 'service', 'load'];

interface KindClock {
  /** CPU seconds of all processes ever seen. */
  total: number;
  /** At the first and at the last reading. */
  first: { readonly atMs: number; readonly total: number } | null;
  last: { readonly atMs: number; readonly total: number } | null;
}

export class UsageMeter {
  readonly #rows: () => readonly ProcessRow[];
  readonly #seen = new Map<number, number>();
  readonly #clocks = new Map<ProcessKind, KindClock>();

  constructor(rows: () => readonly ProcessRow[]) {
    this.#rows = rows;
  }

  async read(): Promise<readonly KindUsage[]> {
    return await Promise.all(kinds.map((kind) => this.#readKind(kind)));
  }

  async #readKind(kind: ProcessKind): Promise<KindUsage> {
    const pids = this.#rows().filter((row) => row.kind === kind);
    const usages = await readUsage(pids.map((row) => row.pid));
    const clock = this.#clocks.get(kind) ?? { total: 0, first: null, last: null };
    this.#clocks.set(kind, clock);
    let memoryBytes = 0;
    for (const [pid, usage] of usages) {
      clock.total += usage.cpuSeconds - (this.#seen.get(pid) ?? 0);
      this.#seen.set(pid, usage.cpuSeconds);
      memoryBytes += usage.memoryBytes;
    }
    const now = { atMs: performance.now(), total: clock.total };
    const usage = {
      kind,
      processes: usages.size,
      cpuPercent: percentBetween(clock.last, now),
      cpuPercentMean: percentBetween(clock.first, now),
      memoryBytes,
      measure: memoryMeasure,
    };
    clock.first ??= now;
    clock.last = now;
    return usage;
  }
}

function percentBetween(
  before: KindClock['last'],
  now: { readonly atMs: number; readonly total: number },
): number {
  if (before === null || now.atMs <= before.atMs) return 0;
  return Math.round((1e6 * (now.total - before.total)) / (now.atMs - before.atMs)) / 10;
}
