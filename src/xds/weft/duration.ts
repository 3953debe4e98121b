// Durations as Kubernetes' Gateway API writes them (GEP-2257): one to four whole numbers with h, m, s or ms, `1h30m`,
// `250ms`. The control plane checks what people write with it, and the proxy reads what travels in metadata.

export const durationPattern: RegExp = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;

const unitMs: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Milliseconds, or null when `text` is no duration. */
export function parseGatewayDuration(text: string): number | null {
  return durationPattern.test(text) ? sumDuration(text) : null;
}

/** Milliseconds of a duration that was checked; days count too, for windows of error budgets. */
export function sumDuration(text: string): number {
  let sum = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[dhms])/g))
    sum += Number(count) * (unitMs[unit ?? ''] ?? 0);
  return sum;
}

/** In the largest unit that says it exactly: 90,000 is `90s`. */
export function formatGatewayDuration(ms: number): string {
  for (const unit of ['h', 'm', 's']) {
    const size = unitMs[unit] ?? 1;
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return ms === 0 ? '0s' : `${ms}ms`;
}
