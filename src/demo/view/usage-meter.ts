// What the mesh costs beside what it serves: CPU time and memory by kind of process. CPU is summed process by process,
// so that a process that ends takes nothing back.

import type { ProcessKind, ProcessRow } from '../machine/state-file.ts';
import { memoryMeasure, readCpuSeconds, readMemory } from '../machine/usage.ts';

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
  memoryBytes: number;
  /** At the first and at the last reading. */
  first: { readonly atMs: number; readonly total: number } | null;
  last: { readonly atMs: number; readonly total: number } | null;
}

export class UsageMeter {
  private readonly rows: () => readonly ProcessRow[];
  private readonly seen = new Map<number, number>();
  private readonly clocks = new Map<ProcessKind, KindClock>();

  constructor(rows: () => readonly ProcessRow[]) {
    this.rows = rows;
  }

  /** Memory is as of the last reading that asked for it. */
  async read(options: { readonly memory: boolean }): Promise<readonly KindUsage[]> {
    return await Promise.all(kinds.map((kind) => this.readKind(kind, options.memory)));
  }

  private async readKind(kind: ProcessKind, memory: boolean): Promise<KindUsage> {
    const rows = this.rows().filter((row) => row.kind === kind);
    const pids = rows.map((row) => row.pid);
    const clock = this.clocks.get(kind) ?? { total: 0, first: null, last: null, memoryBytes: 0 };
    this.clocks.set(kind, clock);
    if (memory) clock.memoryBytes = (await readMemory(pids)).values().reduce((sum, bytes) => sum + bytes, 0);
    for (const [pid, cpuSeconds] of await readCpuSeconds(pids)) {
      clock.total += cpuSeconds - (this.seen.get(pid) ?? 0);
      this.seen.set(pid, cpuSeconds);
    }
    const now = { atMs: performance.now(), total: clock.total };
    const usage = {
      kind,
      processes: pids.length,
      cpuPercent: percentBetween(clock.last, now),
      cpuPercentMean: percentBetween(clock.first, now),
      memoryBytes: clock.memoryBytes,
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
