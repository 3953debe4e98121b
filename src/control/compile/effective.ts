// Which timeouts and retries hold on one route: what the HTTPRoute's rule says, over the policy of the service that is
// called.

import type { RuleModel } from '../model/types.ts';
import type { ServicePolicySettings } from '../schema/service-policy.ts';
import { durationMs } from '../schema/values.ts';

/** In the words of ServicePolicy; also what the route's metadata carries. */
export interface RouteBehaviour {
  readonly timeouts: Times & {
    /** Of calls of gRPC, where they differ: nobody asked for these times, and a stream lasts as its ends want. */
    readonly grpcRequest?: string;
    readonly grpcAttempt?: string;
  };
  readonly retry: ServicePolicySettings['retry'];
}

export function decideBehaviour(
  rule: Pick<RuleModel, 'requestTimeout' | 'attemptTimeout' | 'retry' | 'grpc'> | null,
  policy: ServicePolicySettings,
): RouteBehaviour {
  const calls = decideTimes(rule, policy, true);
  const plain = rule?.grpc === true ? calls : decideTimes(rule, policy, false);
  return {
    timeouts: {
      ...plain,
      ...(calls.request === plain.request ? {} : { grpcRequest: calls.request }),
      ...(calls.attempt === plain.attempt ? {} : { grpcAttempt: calls.attempt }),
    },
    retry: decideRetry(rule?.retry ?? null, policy.retry),
  };
}

interface Times {
  readonly request: string;
  readonly attempt: string;
}

function decideTimes(
  rule: Pick<RuleModel, 'requestTimeout' | 'attemptTimeout'> | null,
  { timeouts }: ServicePolicySettings,
  grpc: boolean,
): Times {
  const standard = grpc && !timeouts.requestIsGiven ? '0s' : timeouts.request;
  const request = rule?.requestTimeout ?? standard;
  const endless = grpc && !timeouts.attemptIsGiven;
  const derived = rule?.requestTimeout != null && !timeouts.attemptIsGiven;
  const attempt =
    rule?.attemptTimeout ?? (derived || endless ? request : clampAttempt(timeouts.attempt, request));
  return { request, attempt };
}

/** A default attempt timeout above the request's would never be reached. */
function clampAttempt(attempt: string, request: string): string {
  const requestMs = durationMs(request);
  return requestMs > 0 && durationMs(attempt) > requestMs ? request : attempt;
}

/**
 * A rule's `retry` (GEP-1731) says what is retried and how often; codes replace the policy's answers worth a retry, and
 * a broken connection always counts. Which requests may be repeated stays with the policy: a route does not make a POST
 * idempotent.
 */
function decideRetry(
  rule: RuleModel['retry'],
  policy: ServicePolicySettings['retry'],
): ServicePolicySettings['retry'] {
  if (rule === null) return policy;
  const base = rule.backoff ?? policy.backoff.base;
  const max = durationMs(base) > durationMs(policy.backoff.max) ? base : policy.backoff.max;
  return {
    ...policy,
    ...(rule.codes.length === 0
      ? {}
      : {
          on: [
            'ConnectFailure',
            'Reset',
            ...policy.on.filter((one) => one === 'AttemptTimeout'),
            'StatusCodes',
          ],
          statusCodes: [...rule.codes],
        }),
    attempts: rule.attempts ?? policy.attempts,
    backoff: { base, max },
  };
}
