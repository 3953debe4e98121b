// What processes cost: CPU time and memory. On Linux proportional set size, which shares what is shared; elsewhere resident set size,
// which counts shared pages once per process and so says too much.

import { readFileSync } from 'node:fs';

export interface Usage {
  /** User and system time since the process began. */
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

/** Kernel ticks a second in /proc; 100 on every Linux that Bun runs on. */
const ticksPerSecond = 100;

/** What {@link readUsage} measures here. */
export const memoryMeasure: 'pss' | 'rss' = process.platform === 'linux' ? 'pss' : 'rss';

/** By process id; processes that ended are left out. */
export async function readUsage(pids: readonly number[]): Promise<ReadonlyMap<number, Usage>> {
  if (memoryMeasure === 'rss') return await readPsUsage(pids);
  return new Map(pids.flatMap((pid) => readLinuxUsage(pid).map((usage) => [pid, usage] as const)));
}

function readLinuxUsage(pid: number): Usage[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
    return [{ cpuSeconds: parseStatCpu(stat), memoryBytes: parseRollupPss(rollup) }];
  } catch {
    // It ended between the list and the look.
    return [];
  }
}

/** Fields 14 and 15 of /proc/PID/stat, counted after the command name, which may hold spaces and parentheses. */
export function parseStatCpu(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

export function parseRollupPss(rollup: string): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0) * 1024;
}

async function readPsUsage(pids: readonly number[]): Promise<Map<number, Usage>> {
  if (pids.length === 0) return new Map();
  const ps = Bun.spawn(['ps', '-o', 'pid=,rss=,time=', '-p', pids.join(',')], { stderr: 'ignore' });
  return parsePs(await new Response(ps.stdout).text());
}

/** Lines of `PID RSS TIME`: kilobytes, and `[[DD-]HH:]MM:SS[.CC]`. */
export function parsePs(text: string): Map<number, Usage> {
  const usages = new Map<number, Usage>();
  for (const line of text.split('\n')) {
    const [pid, rss, time] = line.trim().split(/\s+/);
    if (rss === undefined || time === undefined) continue;
    const parts = time.split(/[-:]/).map(Number).reverse();
    const scale = [1, 60, 3600, 86_400];
    const cpuSeconds = parts.reduce((sum, part, at) => sum + part * (scale[at] ?? 0), 0);
    usages.set(Number(pid), { cpuSeconds, memoryBytes: Number(rss) * 1024 });
  }
  return usages;
}
