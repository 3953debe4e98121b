// What a process costs, read from the kernel: CPU in nanoseconds over all its threads, and memory as resident,
// proportional and anonymous.

import { dlopen, FFIType, ptr } from 'bun:ffi';
import { readFileSync } from 'node:fs';

export interface Memory {
  readonly rssMb: number;
  readonly pssMb: number;
  readonly anonymousMb: number;
}

/** Of its whole life, threads that have ended included: a runtime's collector starts and ends them as it needs. */
const processTime = 2;
const clocks = dlopen('libc.so.6', {
  clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
});
const time = new BigInt64Array(2);

/** CPU time of a process in ns; clock ticks (/proc/PID/stat) would be too coarse at 50 requests a second. */
export function readCpuNs(pid: number): number {
  // The kernel's number for a clock of another process: clock_getcpuclockid(3).
  if (clocks.symbols.clock_gettime((~pid << 3) | processTime, ptr(time)) !== 0)
    throw new Error(`process ${pid} is no more`);
  return Number(time[0]! * 1_000_000_000n + time[1]!);
}

export function readMemory(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const megabytes = (name: string): number =>
    Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(text)?.[1] ?? 0) / 1024;
  return { rssMb: megabytes('Rss'), pssMb: megabytes('Pss'), anonymousMb: megabytes('Anonymous') };
}
