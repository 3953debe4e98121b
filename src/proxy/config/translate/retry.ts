// Retry policies: Envoy's retry_on words to the conditions of policy/retry.

import type { RetryCondition, RetryPolicy } from '../../../policy/index.ts';
import { type Faults, join, type MessageOf, type retryPolicy } from '../schema/index.ts';
import { translateHeader } from './match.ts';

type RetryPolicyMessage = MessageOf<typeof retryPolicy>;

/** Envoy counts a reset as a gateway error, and a gateway error as a 5xx (router filter, x-envoy-retry-on). */
const anyReset: readonly RetryCondition[] = ['ConnectFailure', 'Reset', 'AttemptTimeout'];

const conditions: ReadonlyMap<string, readonly RetryCondition[]> = new Map([
  ['5xx', ['ServerError', ...anyReset]],
  ['gateway-error', ['GatewayError', ...anyReset]],
  ['reset', anyReset],
  ['reset-before-request', ['ConnectFailure']],
  ['connect-failure', ['ConnectFailure']],
  ['retriable-4xx', ['Conflict']],
  ['retriable-status-codes', ['StatusCodes']],
  ['unavailable', ['Unavailable']],
  ['refused-stream', []],
]);

/** Envoy's words for outcomes of gRPC (x-envoy-retry-grpc-on); its `unavailable` is a condition of its own. */
const grpcWords: ReadonlyMap<string, number> = new Map([
  ['cancelled', 1],
  ['deadline-exceeded', 4],
  ['resource-exhausted', 8],
  ['internal', 13],
]);

const defaultBaseMs = 25;
const maxFactor = 10;

export function translateRetry(message: RetryPolicyMessage, path: string, faults: Faults): RetryPolicy {
  const on = new Set<RetryCondition>();
  const grpcStatuses: number[] = [];
  for (const word of (message.retry_on ?? '').split(',').map((part) => part.trim())) {
    if (word === '') continue;
    const grpcStatus = grpcWords.get(word);
    if (grpcStatus !== undefined) {
      grpcStatuses.push(grpcStatus);
      continue;
    }
    const mapped = conditions.get(word);
    if (mapped === undefined) {
      faults.add(
        join(path, 'retry_on'),
        `must be of ${[...conditions.keys(), ...grpcWords.keys()].join(', ')}`,
        word,
      );
    } else {
      for (const condition of mapped) on.add(condition);
    }
  }
  const baseMs = message.retry_back_off?.base_interval ?? defaultBaseMs;
  const maxMs = message.retry_back_off?.max_interval ?? baseMs * maxFactor;
  if (maxMs < baseMs) {
    faults.add(
      join(path, 'retry_back_off.max_interval'),
      'must not be less than base_interval',
      `${maxMs / 1000}s`,
    );
  }
  return {
    on: [...on],
    statusCodes: message.retriable_status_codes,
    ...(grpcStatuses.length === 0 ? {} : { grpcStatuses }),
    ...translateRequestHeaders(message, path, faults),
    attempts: message.num_retries ?? 1,
    backoff: { baseMs, maxMs },
  };
}

/** Envoy retries any method unless request headers are listed; any listed one that matches suffices (docs/xds.md). */
function translateRequestHeaders(
  message: RetryPolicyMessage,
  path: string,
  faults: Faults,
): Pick<RetryPolicy, 'methods' | 'idempotencyHeader'> {
  if (message.retriable_request_headers.length === 0) return { methods: null, idempotencyHeader: null };
  const methods: string[] = [];
  let idempotencyHeader: string | null = null;
  message.retriable_request_headers.forEach((header, index) => {
    const at = `${join(path, 'retriable_request_headers')}[${index}]`;
    const { name, match, invert } = translateHeader(header, at, faults);
    if (name === ':method' && match.kind === 'exact' && !invert) methods.push(match.value);
    else if (match.kind === 'present' && !invert && idempotencyHeader === null) idempotencyHeader = name;
    else faults.add(at, 'is supported as :method with an exact match, or as one header with present_match');
  });
  return { methods, idempotencyHeader };
}
