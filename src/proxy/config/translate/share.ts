// FractionalPercent to a share of 0 to 1.

interface Percent {
  readonly numerator: number | undefined;
  readonly denominator: keyof typeof denominators | undefined;
}

const denominators = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 } as const;

export function shareOf(percent: Percent | undefined, absent: number): number {
  if (percent === undefined) return absent;
  return Math.min(1, (percent.numerator ?? 0) / denominators[percent.denominator ?? 'HUNDRED']);
}
