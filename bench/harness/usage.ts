// What a process costs, read from the kernel: CPU in nanoseconds over all its threads, and memory as resident,
// proportional and anonymous.

import { readdirSync, readFileSync } from 'node:fs';

export interface Memory {
  readonly rssMb: number;
  readonly pssMb: number;
  readonly anonymousMb: number;
}

/**
 * CPU time of all live threads in ns (/proc/PID/task/TID/schedstat); clock ticks would be too coarse at 50 requests a
 * second.
 */
export function readCpuNs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((total, task) => {
    const [onCpu] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ');
    return total + Number(onCpu);
  }, 0);
}

export function readMemory(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const megabytes = (name: string): number =>
    Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(text)?.[1] ?? 0) / 1024;
  return { rssMb: megabytes('Rss'), pssMb: megabytes('Pss'), anonymousMb: megabytes('Anonymous') };
}
