// What an internal caller may say of its own request: Envoy's x-envoy-retry-on and its like (router filter, "HTTP
// headers consumed"). They are read before the head is cleaned of them, and count for nobody from outside.

import { AnyHeader, parseRetryWords, type RetryPolicy, type RetryWords } from '../../policy/index.ts';
import { headerId, type RequestHead } from '../../wire/index.ts';
import type { StrictHeader } from '../config/router-types.ts';
import { proxyLimits } from '../limits.ts';

export interface CallerWishes {
  /** null: nothing is said of retries. */
  readonly retry: RetryWords | null;
  readonly attempts: number | null;
  readonly statusCodes: readonly number[];
  readonly headerNames: readonly string[];
  /** 0: no limit. */
  readonly requestMs: number | null;
  readonly attemptMs: number | null;
  readonly hedges: boolean | null;
  /** A request that took too long is answered with 204. */
  readonly quietTimeouts: boolean;
  /** The first that had to be well said and is not (Envoy's strict_check_headers). */
  readonly fault: readonly [name: StrictHeader, value: string] | null;
}

const ids = [
  headerId['x-envoy-retry-on'],
  headerId['x-envoy-retry-grpc-on'],
  headerId['x-envoy-max-retries'],
  headerId['x-envoy-retriable-status-codes'],
  headerId['x-envoy-retriable-header-names'],
  headerId['x-envoy-hedge-on-per-try-timeout'],
  headerId['x-envoy-upstream-rq-timeout-ms'],
  headerId['x-envoy-upstream-rq-per-try-timeout-ms'],
  headerId['x-envoy-upstream-rq-timeout-alt-response'],
];

/** null: it wishes nothing. `strict`: what must be well said. */
export function readWishes(head: RequestHead, strict: readonly StrictHeader[]): CallerWishes | null {
  if (!ids.some((id) => head.find(id) >= 0)) return null;
  const on = [headerId['x-envoy-retry-on'], headerId['x-envoy-retry-grpc-on']].map((id) => head.get(id));
  const said = on.filter((text) => text !== null);
  return {
    retry: said.length === 0 ? null : parseRetryWords(said.join()),
    attempts: numberIn(head, headerId['x-envoy-max-retries']),
    statusCodes: listIn(head, headerId['x-envoy-retriable-status-codes']).map(Number).filter(isStatus),
    headerNames: listIn(head, headerId['x-envoy-retriable-header-names']).map((name) => name.toLowerCase()),
    requestMs: numberIn(head, headerId['x-envoy-upstream-rq-timeout-ms']),
    attemptMs: numberIn(head, headerId['x-envoy-upstream-rq-per-try-timeout-ms']),
    hedges: flagIn(head, headerId['x-envoy-hedge-on-per-try-timeout']),
    quietTimeouts: head.find(headerId['x-envoy-upstream-rq-timeout-alt-response']) >= 0,
    fault: strict.length === 0 ? null : faultIn(head, strict),
  };
}

/** What a proxy before this one says that its caller waits for; -1: nothing that is a number. */
export function expectedTimeout(head: RequestHead): number {
  return numberIn(head, headerId['x-envoy-expected-rq-timeout-ms']) ?? -1;
}

function faultIn(head: RequestHead, strict: readonly StrictHeader[]): CallerWishes['fault'] {
  for (const name of strict) {
    const text = head.get(headerId[name]);
    if (text === null || isWell(name, text)) continue;
    return [name, text];
  }
  return null;
}

/** Envoy reads the two lists with words of their own each. */
function isWell(name: StrictHeader, text: string): boolean {
  if (name === 'x-envoy-retry-on') return parseRetryWords(text, 'http').unknown.length === 0;
  if (name === 'x-envoy-retry-grpc-on') return parseRetryWords(text, 'grpc').unknown.length === 0;
  return /^\s*\d+\s*$/.test(text);
}

/** What a wish adds to: a policy that retries nothing, with Envoy's one retry and its back-off. */
const nothing: RetryPolicy = {
  on: [],
  statusCodes: [],
  methods: null,
  idempotencyHeader: null,
  attempts: 1,
  backoff: { baseMs: 25, maxMs: 250 },
};

/** The route's policy with the caller's words added; its number of retries replaces the route's. */
export function wishedRetry(policy: RetryPolicy | null, wishes: CallerWishes): RetryPolicy | null {
  if (policy === null && wishes.retry === null) return null;
  const base = policy ?? nothing;
  const statusCodes = [...base.statusCodes, ...wishes.statusCodes];
  const grpcStatuses = [...(base.grpcStatuses ?? []), ...(wishes.retry?.grpcStatuses ?? [])];
  const names = wishes.headerNames.map((name) => ({
    name,
    match: { kind: 'present' as const },
    invert: false,
  }));
  const { responseRule } = base;
  const wished = names.length === 0 ? null : new AnyHeader(names);
  const rule =
    wished === null || responseRule === undefined
      ? (wished ?? responseRule)
      : {
          matches: (view: Parameters<typeof wished.matches>[0]) =>
            responseRule.matches(view) || wished.matches(view),
        };
  const judgesAll = base.judgesAll === true || rule !== undefined || statusCodes.some((code) => code < 400);
  return {
    ...base,
    on: [...new Set([...base.on, ...(wishes.retry?.on ?? [])])],
    statusCodes,
    ...(grpcStatuses.length === 0 ? {} : { grpcStatuses }),
    ...(rule === undefined ? {} : { responseRule: rule }),
    ...(judgesAll ? { judgesAll } : {}),
    attempts: Math.min(wishes.attempts ?? base.attempts, proxyLimits.retriesMax),
  };
}

function numberIn(head: RequestHead, id: number): number | null {
  const text = head.get(id);
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

function flagIn(head: RequestHead, id: number): boolean | null {
  const text = head.get(id);
  return text === null ? null : text === 'true';
}

function listIn(head: RequestHead, id: number): readonly string[] {
  return (head.get(id) ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function isStatus(code: number): boolean {
  return Number.isInteger(code) && code >= 100 && code <= 599;
}
