// Where the counters of /stats begin: at what they were when somebody last asked for a reset.

import type { Stat } from './pages/stat-names.ts';

export class CounterBaseline {
  private readonly began = new Map<string, number>();

  reset(stats: readonly Stat[]): void {
    this.began.clear();
    for (const { name, type, value } of stats)
      if (type === 'counter' && value > 0) this.began.set(name, value);
  }

  since(stats: readonly Stat[]): readonly Stat[] {
    if (this.began.size === 0) return stats;
    return stats.map((stat) => {
      const began = this.began.get(stat.name);
      return began === undefined ? stat : { ...stat, value: stat.value - began };
    });
  }
}
