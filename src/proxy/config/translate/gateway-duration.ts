// Durations as Kubernetes' Gateway API writes them (GEP-2257): up to four whole numbers with h, m, s or ms, `1h30m`, `250ms`.

const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** Milliseconds, or null when `text` is no duration. */
export function parseGatewayDuration(text: string): number | null {
  if (!/^(?:\d{1,5}(?:h|m|s|ms)){1,4}$/.test(text)) return null;
  let total = 0;
  for (const [, digits, unit] of text.matchAll(/(\d+)(h|ms|m|s)/g)) total += Number(digits) * unitMs[unit!]!;
  return total;
}
