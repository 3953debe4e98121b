// Times as users write them.

import { loadLimits } from './limits.ts';

const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** How a time must look, for who wrote it otherwise. */
export const timeRule = 'must be a time as 10s, 500ms or 5m, at most 7 days';

/**
 * Gateway API durations (GEP-2257) with a fraction allowed, and plain seconds; in milliseconds. null: none of these, or
 * too long.
 */
export function parseTime(text: string): number | null {
  const parts = /^\d+(\.\d+)?$/.test(text) ? [`${text}s`] : (text.match(/\d+(\.\d+)?(ms|h|m|s)/g) ?? []);
  const valueMs = parts.reduce((sum, part) => {
    const [, number, , unit] = /^(\d+(\.\d+)?)(ms|h|m|s)$/.exec(part) ?? [];
    return sum + Number(number) * (unitMs[unit ?? ''] ?? Number.NaN);
  }, 0);
  const whole = parts.join('') === text || parts.join('') === `${text}s`;
  return whole && parts.length > 0 && valueMs <= loadLimits.durationMsMax ? valueMs : null;
}
