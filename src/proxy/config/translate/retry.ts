// Retry policies: Envoy's retry_on words to the conditions of policy/retry.

import {
  AnyHeader,
  type HeaderMatch,
  parseRetryWords,
  type ResetBackoff,
  type RetryPolicy,
  retryWords,
} from '../../../policy/index.ts';
import {
  type Faults,
  join,
  type MessageOf,
  omitCanaries,
  omitMetadata,
  previousPriorities,
  type retryPolicy,
  unpack,
} from '../schema/index.ts';
import { translateHeader } from './string-match.ts';
import { subsetLabels } from './weft-metadata.ts';

type RetryPolicyMessage = MessageOf<typeof retryPolicy>;

const defaultBaseMs = 25;
const maxFactor = 10;
const resetMaxMs = 300_000;

export function translateRetry(message: RetryPolicyMessage, path: string, faults: Faults): RetryPolicy {
  const { grpcStatuses, on, unknown } = parseRetryWords(message.retry_on ?? '');
  for (const word of unknown) faults.add(join(path, 'retry_on'), `must be of ${retryWords.join(', ')}`, word);
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
    on,
    statusCodes: message.retriable_status_codes,
    ...(grpcStatuses.length === 0 ? {} : { grpcStatuses }),
    ...translateRequestHeaders(message, path, faults),
    ...translateAnswers(message, path, faults),
    ...translateSelection(message, path, faults),
    ...(message.per_try_idle_timeout ? { attemptIdleMs: message.per_try_idle_timeout } : {}),
    attempts: message.num_retries ?? 1,
    backoff: { baseMs, maxMs },
  };
}

/**
 * Envoy retries any method unless request headers are listed; any listed one that matches suffices. What is said with
 * methods and one header, as the mesh does (docs/xds.md), needs no rule.
 */
function translateRequestHeaders(
  message: RetryPolicyMessage,
  path: string,
  faults: Faults,
): Pick<RetryPolicy, 'methods' | 'idempotencyHeader' | 'requestRule'> {
  const headers = translateHeaders(message, 'retriable_request_headers', path, faults);
  const methods = headers.flatMap(({ name, match, invert }) =>
    name === ':method' && match.kind === 'exact' && !invert ? [match.value] : [],
  );
  const others = headers.filter(({ name, match }) => name !== ':method' || match.kind !== 'exact');
  const plain = others.every(({ match, invert }) => match.kind === 'present' && !invert) && others.length < 2;
  if (headers.length === 0) return { methods: null, idempotencyHeader: null };
  if (plain && methods.length + others.length === headers.length)
    return { methods, idempotencyHeader: others[0]?.name ?? null };
  return { methods: [], idempotencyHeader: null, requestRule: new AnyHeader(headers) };
}

function translateAnswers(
  message: RetryPolicyMessage,
  path: string,
  faults: Faults,
): Pick<RetryPolicy, 'responseRule' | 'judgesAll' | 'resetBackoff'> {
  const headers = translateHeaders(message, 'retriable_headers', path, faults);
  const reset = message.rate_limited_retry_back_off;
  const low = message.retriable_status_codes.some((code) => code < 400);
  return {
    ...(headers.length === 0 ? {} : { responseRule: new AnyHeader(headers) }),
    ...(headers.length > 0 || low ? { judgesAll: true } : {}),
    ...(reset === undefined ? {} : { resetBackoff: translateReset(reset, path, faults) }),
  };
}

function translateSelection(
  { retry_host_predicate, retry_priority }: RetryPolicyMessage,
  path: string,
  faults: Faults,
): Pick<RetryPolicy, 'selection'> {
  const avoided = retry_host_predicate.flatMap(({ typed_config }) => {
    if (unpack(typed_config, omitCanaries) !== null) return [{ canary: true }];
    const labels = subsetLabels(unpack(typed_config, omitMetadata)?.metadata_match) ?? {};
    // Of which nothing is said is none.
    return Object.keys(labels).length === 0 ? [] : [labels];
  });
  const priority =
    retry_priority === undefined ? null : unpack(retry_priority.typed_config, previousPriorities);
  const at = join(path, 'retry_priority.typed_config');
  if (retry_priority !== undefined && priority === null) faults.add(at, 'must be set');
  else if (priority !== null && priority.update_frequency === undefined)
    faults.add(join(at, 'update_frequency'), 'must be greater than 0');
  const sparesEvery = priority?.update_frequency ?? 0;
  return avoided.length + sparesEvery === 0 ? {} : { selection: { avoided, sparesEvery } };
}

function translateReset(
  message: NonNullable<RetryPolicyMessage['rate_limited_retry_back_off']>,
  path: string,
  faults: Faults,
): ResetBackoff {
  const at = join(path, 'rate_limited_retry_back_off.reset_headers');
  if (message.reset_headers.length === 0) faults.add(at, 'must be at least one');
  return {
    headers: message.reset_headers.map(({ name = '', format }) => ({
      name: name.toLowerCase(),
      format: format === 'UNIX_TIMESTAMP' ? 'unix-timestamp' : 'seconds',
    })),
    maxMs: message.max_interval ?? resetMaxMs,
  };
}

function translateHeaders(
  message: RetryPolicyMessage,
  field: 'retriable_headers' | 'retriable_request_headers',
  path: string,
  faults: Faults,
): readonly HeaderMatch[] {
  const before = faults.issues.length;
  const headers = message[field].map((header, index) =>
    translateHeader(header, `${join(path, field)}[${index}]`, faults),
  );
  // One that cannot be read cannot be compiled either.
  return faults.issues.length === before ? headers : [];
}
