// What the rules of HTTPRoute and GRPCRoute have in common: bounds over all of them, and what is left of one at fault.

import type { z } from 'zod';
import { parentRefs } from './parent-ref.ts';

/** Of all rules of a route together (Gateway API's own bound). */
const matchesMax = 128;

interface Rule {
  readonly name?: string | undefined;
  readonly matches: readonly unknown[];
}

export function checkRules(rules: readonly Rule[], context: z.RefinementCtx): void {
  const names = rules.flatMap(({ name }) => (name === undefined ? [] : [name]));
  if (new Set(names).size < names.length)
    context.addIssue({ code: 'custom', path: ['rules'], message: 'names of rules must be unique' });
  const matches = rules.reduce((sum, rule) => sum + Math.max(1, rule.matches.length), 0);
  if (matches > matchesMax)
    context.addIssue({
      code: 'custom',
      path: ['rules'],
      message: `must have at most ${matchesMax} matches in all`,
    });
}

/**
 * Of a rule at fault the matches that can be read: their requests are refused, rather than left to a rule that was not
 * meant for them. `widen`: of a match that cannot be read one that takes its requests and others that are like them;
 * null: nobody knows which these are.
 */
export function faultyRuleOf<Match extends z.ZodType>(
  match: Match,
  widen: (value: FieldValues) => z.input<Match> | null,
) {
  return (value: unknown) => {
    const { name, matches } = (typeof value === 'object' && value !== null ? value : {}) as {
      readonly name?: unknown;
      readonly matches?: unknown;
    };
    const read = (Array.isArray(matches) ? matches : []).flatMap((one): z.output<Match>[] => {
      const parsed = match.safeParse(one);
      if (parsed.success) return [parsed.data];
      const wider = match.safeParse(widen(isFields(one) ? one : {}));
      return wider.success ? [wider.data] : [];
    });
    return {
      ...(typeof name === 'string' ? { name } : {}),
      matches: read,
      filters: [],
      backendRefs: [],
      unreadable: Array.isArray(matches) && matches.length > 0 && read.length === 0,
    };
  };
}

/**
 * A route that cannot be read as a whole still says whose it is: its parents answer 500 (or UNAVAILABLE) where no other
 * route of theirs matches. Null: not even that.
 */
export function salvage<Rule extends object>(value: unknown, faultyRule: (value: unknown) => Rule) {
  const parents = parentRefs.safeParse((value as { readonly parentRefs?: unknown } | undefined)?.parentRefs);
  if (!parents.success) return null;
  const fault = { code: 'custom' as const, path: [], message: 'is part of a route at fault' };
  return {
    parentRefs: parents.data,
    hostnames: [],
    rules: [{ ...faultyRule({}), faults: [fault] }],
    useDefaultGateways: undefined,
  };
}

export type FieldValues = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is FieldValues {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The items that can be read. To leave one out makes a match wider. */
export function readableItems<S extends z.ZodType>(item: S, list: unknown): z.input<S>[] {
  return (Array.isArray(list) ? list : []).filter((one): one is z.input<S> => item.safeParse(one).success);
}

/**
 * What all that a regular expression takes begins with, as far as one look shows; empty where that is not sure. As text
 * of an expression.
 */
export function literalHead(expression: string): string {
  if (expression.includes('|')) return '';
  const [head = ''] = /^[-A-Za-z0-9/_~:@!&'=,;%]*/.exec(expression.replace(/^\^/, '')) ?? [];
  const next = expression.replace(/^\^/, '')[head.length] ?? '';
  // What may be there or not is not what it begins with.
  return '*?{'.includes(next) && next !== '' ? head.slice(0, -1) : head;
}
