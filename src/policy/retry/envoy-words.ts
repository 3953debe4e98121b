// Envoy's words for when to retry (router filter: retry_on, x-envoy-retry-on, x-envoy-retry-grpc-on) and the conditions
// that they stand for: read where a configuration says them, and where a caller does.

import type { RetryCondition } from './types.ts';

/** Envoy counts a reset as a gateway error, and a gateway error as a 5xx. */
const anyReset: readonly RetryCondition[] = ['ConnectFailure', 'Reset', 'AttemptTimeout'];

const conditions: ReadonlyMap<string, readonly RetryCondition[]> = new Map([
  ['5xx', ['ServerError', ...anyReset]],
  ['gateway-error', ['GatewayError', ...anyReset]],
  ['reset', anyReset],
  ['reset-before-request', ['ConnectFailure']],
  ['connect-failure', ['ConnectFailure']],
  ['envoy-ratelimited', ['RateLimited']],
  ['retriable-4xx', ['Conflict']],
  ['retriable-status-codes', ['StatusCodes']],
  ['retriable-headers', ['Headers']],
  ['refused-stream', []],
  ['http3-post-connect-failure', []],
]);

/** Words for outcomes of gRPC; they say nothing of HTTP's. */
const grpcWords: ReadonlyMap<string, number> = new Map([
  ['cancelled', 1],
  ['deadline-exceeded', 4],
  ['resource-exhausted', 8],
  ['internal', 13],
  ['unavailable', 14],
]);

export const retryWords: readonly string[] = [...conditions.keys(), ...grpcWords.keys()];

export interface RetryWords {
  readonly on: readonly RetryCondition[];
  readonly grpcStatuses: readonly number[];
  readonly unknown: readonly string[];
}

/** `of`: the words of one header alone; absent: of both, as a configuration may. */
export function parseRetryWords(text: string, of?: 'http' | 'grpc'): RetryWords {
  const on = new Set<RetryCondition>();
  const grpcStatuses: number[] = [];
  const unknown: string[] = [];
  for (const word of text.split(',').map((part) => part.trim())) {
    if (word === '') continue;
    const grpcStatus = of === 'http' ? undefined : grpcWords.get(word);
    const mapped = of === 'grpc' ? undefined : conditions.get(word);
    if (grpcStatus !== undefined) grpcStatuses.push(grpcStatus);
    else if (mapped === undefined) unknown.push(word);
    else for (const condition of mapped) on.add(condition);
  }
  return { on: [...on], grpcStatuses, unknown };
}
