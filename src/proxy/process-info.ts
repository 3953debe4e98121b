// The process that a proxy runs in, for metrics.

import type { ProcessInfo } from './admin/index.ts';

export function createProcessInfo(): ProcessInfo {
  return {
    startedWallMs: Date.now() - process.uptime() * 1000,
    cpuSeconds() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
    heapBytes() {
      const { heapUsed, heapTotal } = process.memoryUsage();
      return { used: heapUsed, total: heapTotal };
    },
    residentBytes: () => process.memoryUsage.rss(),
  };
}
