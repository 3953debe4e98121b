// What a played incident leaves behind.

export interface IncidentReport {
  readonly seed: number;
  /** Equal traces, equal runs. */
  readonly trace: string;
  readonly events: number;
  readonly violations: readonly string[];
  readonly requests: number;
  /** Answered 5xx, by whether they could have been repeated. */
  readonly failed: { readonly repeatable: number; readonly other: number };
  readonly retries: number;
  /** The end of the trace, for whoever looks for the cause. */
  readonly lastEvents: readonly string[];
}

/** For the message of a failed test: the seed says how to see it again. */
export function formatViolations({ seed, violations, lastEvents }: IncidentReport): string {
  if (violations.length === 0) return '';
  const shown = violations.slice(0, 20).map((violation) => `  ${violation}`);
  const more = violations.length > shown.length ? [`  and ${violations.length - shown.length} more`] : [];
  return [`seed ${seed}:`, ...shown, ...more, 'last events:', ...lastEvents.slice(-20)].join('\n');
}
