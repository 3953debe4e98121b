// What the demo reads from the proxies' own metrics, across proxies that die and start again.

import { parsePrometheus } from '../../console/index.ts';
import type { ProcessRow } from '../machine/state-file.ts';

const scrapeTimeoutMs = 2000;

/** The metrics of one proxy or control plane; null when it did not answer. */
export async function scrape(adminUrl: string): Promise<string | null> {
  try {
    const response = await fetch(`${adminUrl}/stats/prometheus?usedonly&filter=^weft_`, {
      signal: AbortSignal.timeout(scrapeTimeoutMs),
    });
    return response.ok ? await response.text() : null;
  } catch {
    return null;
  }
}

export class Meters {
  private readonly rows: () => readonly ProcessRow[];
  /** Process id to its last count: a new process counts from zero, and what a dead one counted last is kept. */
  private readonly retried = new Map<number, number>();

  constructor(rows: () => readonly ProcessRow[]) {
    this.rows = rows;
  }

  /** Retries that all proxies made since the demo began. What a killed proxy did after the last reading is lost. */
  async readRetries(): Promise<number> {
    const proxies = this.rows().filter((row) => row.kind === 'proxy');
    await Promise.all(
      proxies.map(async ({ pid, adminUrl }) => {
        const text = await scrape(adminUrl);
        if (text === null) return;
        const samples = parsePrometheus(text, 'weft_retries_total');
        this.retried.set(
          pid,
          samples.reduce((sum, sample) => sum + sample.value, 0),
        );
      }),
    );
    return this.retries;
  }

  /** As of the last reading. */
  get retries(): number {
    return [...this.retried.values()].reduce((sum, count) => sum + count, 0);
  }
}
