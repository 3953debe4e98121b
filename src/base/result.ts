// Bad input as data: a parser returns a value or the complete list of what is wrong with it.

/** One fault in something a user wrote or a peer sent. Printed as `object: field: rule (got value)`. */
export interface Issue {
  /** What it was in: `bank/HTTPRoute/payments`, a file, a resource name. */
  readonly object: string;
  /** Path in that object, in its own spelling: `spec.rules[0].backendRefs[1].weight`. Empty for the whole object. */
  readonly field: string;
  /** The rule that is broken, as a sentence without a full stop: `must be 0 to 1000000`. */
  readonly rule: string;
  /** The offending value, shortened; empty when there is none to show. */
  readonly value: string;
}

export type Result<T, E = readonly Issue[]> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function fail<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error };
}

export function formatIssue(issue: Issue): string {
  const field = issue.field === '' ? '' : `${issue.field}: `;
  const value = issue.value === '' ? '' : ` (got ${issue.value})`;
  return `${issue.object}: ${field}${issue.rule}${value}`;
}
