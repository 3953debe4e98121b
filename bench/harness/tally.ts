// Figures of all rounds, by row and proxy.

import type { Figures } from './case.ts';

const failures = 'failed requests';

export class Tally {
  private readonly names: readonly string[];
  private readonly byLabel = new Map<string, Map<string, number[]>>();
  private readonly failed = new Map<string, number>();

  constructor(names: readonly string[]) {
    this.names = names;
  }

  add(name: string, prefix: string, { failed = 0, ...figures }: Figures): void {
    this.failed.set(name, (this.failed.get(name) ?? 0) + failed);
    for (const [figure, value] of Object.entries(figures)) {
      const label = `${prefix}: ${figure}`;
      const row = this.byLabel.get(label) ?? new Map<string, number[]>();
      this.byLabel.set(label, row.set(name, [...(row.get(name) ?? []), value]));
    }
  }

  /** A proxy that took no part in a row has NaN there. */
  rows(): readonly { readonly label: string; readonly values: readonly number[] }[] {
    const rows = [...this.byLabel].map(([label, row]) => ({
      label,
      values: this.names.map((name) => median(row.get(name) ?? [])),
    }));
    return [...rows, { label: failures, values: this.names.map((name) => this.failed.get(name) ?? 0) }];
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
