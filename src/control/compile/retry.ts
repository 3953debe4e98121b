// The retry policy of a route in Envoy's words, as near as they go; what they cannot say is in the route's metadata
// (docs/xds.md).

import { create } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import {
  type HeaderMatcher,
  HeaderMatcherSchema,
  type RetryPolicy,
  RetryPolicySchema,
} from '../../xds/api.ts';
import type { ServicePolicySettings } from '../schema/service-policy.ts';
import { durationMs } from '../schema/values.ts';
import type { RouteBehaviour } from './effective.ts';
import { durationOf } from './messages.ts';

type Condition = ServicePolicySettings['retry']['on'][number];

const words: Readonly<Record<Condition, readonly string[]>> = {
  ConnectFailure: ['connect-failure', 'refused-stream'],
  Reset: ['reset'],
  Unavailable: ['retriable-status-codes', 'unavailable'],
  GatewayError: ['gateway-error'],
  ServerError: ['5xx'],
  Conflict: ['retriable-4xx'],
  StatusCodes: ['retriable-status-codes'],
  // Envoy answers its own 504 then, which `reset` covers.
  AttemptTimeout: ['reset'],
};

export function compileRetry(retry: RouteBehaviour['retry'], attempt: string): RetryPolicy | null {
  const attemptMs = durationMs(attempt);
  const perTryTimeout = attemptMs > 0 ? { perTryTimeout: durationOf(attemptMs) } : {};
  if (retry.attempts === 0 || retry.on.length === 0)
    return attemptMs > 0 ? create(RetryPolicySchema, { numRetries: 0, ...perTryTimeout }) : null;
  const baseMs = durationMs(retry.backoff.base);
  return create(RetryPolicySchema, {
    retryOn: [...new Set(retry.on.flatMap((condition) => words[condition]))].join(','),
    retriableStatusCodes: [
      ...new Set([...(retry.on.includes('Unavailable') ? [503] : []), ...retry.statusCodes]),
    ],
    retriableRequestHeaders: compileRepeatable(retry),
    numRetries: retry.attempts,
    ...perTryTimeout,
    ...elsewhere,
    retryBackOff: {
      baseInterval: durationOf(Math.max(1, baseMs)),
      maxInterval: durationOf(Math.max(1, baseMs, durationMs(retry.backoff.max))),
    },
  });
}

/**
 * Another attempt goes to another endpoint where there is one. The predicate's message is empty, so its type says it
 * all.
 */
const elsewhere = {
  retryHostPredicate: [
    {
      name: 'envoy.retry_host_predicates.previous_hosts',
      configType: {
        case: 'typedConfig' as const,
        value: create(AnySchema, {
          typeUrl: 'type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
        }),
      },
    },
  ],
  hostSelectionRetryMaxAttempts: 3n,
};

/** Any one of these makes a request repeatable. */
function compileRepeatable(retry: ServicePolicySettings['retry']): HeaderMatcher[] {
  const matchers = retry.methods.map((method) =>
    create(HeaderMatcherSchema, {
      name: ':method',
      headerMatchSpecifier: {
        case: 'stringMatch',
        value: { matchPattern: { case: 'exact', value: method } },
      },
    }),
  );
  if (retry.idempotencyHeader !== undefined)
    matchers.push(
      create(HeaderMatcherSchema, {
        name: retry.idempotencyHeader,
        headerMatchSpecifier: { case: 'presentMatch', value: true },
      }),
    );
  return matchers;
}
