// How many descriptors this process may hold. A process that has them all can accept nothing more, and the kernel wakes
// it over and over for connections that it cannot take, so whoever accepts must stop well before.

import { readFileSync } from 'node:fs';

/** The soft limit; Infinity where the system does not say it in /proc. */
export function readOpenFilesMax(limitsPath = '/proc/self/limits'): number {
  try {
    const match = /^Max open files +(\d+) /m.exec(readFileSync(limitsPath, 'utf8'));
    return match === null ? Number.POSITIVE_INFINITY : Number(match[1]);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
