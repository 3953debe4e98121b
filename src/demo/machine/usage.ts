// What processes cost: CPU time and memory. On Linux proportional set size, which shares what is shared; elsewhere
// resident set size, which counts shared pages once per process and so says too much. The two are read apart: CPU time
// is a line of /proc, but a proportional size makes the kernel walk all page tables of the process (about 8 ms), which
// may hold that process up.

import { readFileSync } from 'node:fs';

/** Kernel ticks a second in /proc; 100 on every Linux that Bun runs on. */
const ticksPerSecond = 100;

/** What {@link readMemory} measures here. */
export const memoryMeasure: 'pss' | 'rss' = process.platform === 'linux' ? 'pss' : 'rss';

/** User and system seconds since each process began, by id; processes that ended are left out. */
export async function readCpuSeconds(pids: readonly number[]): Promise<ReadonlyMap<number, number>> {
  if (process.platform !== 'linux') return mapValues(await readPs(pids), ({ cpuSeconds }) => cpuSeconds);
  return readProc(pids, 'stat', parseStatCpu);
}

/** Bytes by process id; processes that ended are left out. */
export async function readMemory(pids: readonly number[]): Promise<ReadonlyMap<number, number>> {
  if (process.platform !== 'linux') return mapValues(await readPs(pids), ({ memoryBytes }) => memoryBytes);
  const sizes = new Map<number, number>();
  for (const pid of pids) {
    for (const [found, bytes] of readProc([pid], 'smaps_rollup', parseRollupPss)) sizes.set(found, bytes);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return sizes;
}

function readProc(
  pids: readonly number[],
  file: string,
  parse: (text: string) => number,
): Map<number, number> {
  const values = new Map<number, number>();
  for (const pid of pids) {
    try {
      values.set(pid, parse(readFileSync(`/proc/${pid}/${file}`, 'latin1')));
    } catch {
      // It ended between the list and the look.
    }
  }
  return values;
}

function mapValues<T>(map: ReadonlyMap<number, T>, pick: (value: T) => number): Map<number, number> {
  return new Map([...map].map(([pid, value]) => [pid, pick(value)]));
}

/** Fields 14 and 15 of /proc/PID/stat, counted after the command name, which may hold spaces and parentheses. */
export function parseStatCpu(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

export function parseRollupPss(rollup: string): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0) * 1024;
}

interface PsRow {
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

async function readPs(pids: readonly number[]): Promise<Map<number, PsRow>> {
  if (pids.length === 0) return new Map();
  const ps = Bun.spawn(['ps', '-o', 'pid=,rss=,time=', '-p', pids.join(',')], { stderr: 'ignore' });
  return parsePs(await new Response(ps.stdout).text());
}

/** Lines of `PID RSS TIME`: kilobytes, and `[[DD-]HH:]MM:SS[.CC]`. */
export function parsePs(text: string): Map<number, PsRow> {
  const usages = new Map<number, PsRow>();
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
