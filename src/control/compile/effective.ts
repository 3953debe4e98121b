// Which timeouts and retries hold on one route: what the HTTPRoute's rule says, over the policy of the service that is
// called.

import type { RuleModel } from '../model/types.ts';
import type { ServicePolicySettings } from '../schema/service-policy.ts';
import { durationMs } from '../schema/values.ts';

/** In the words of ServicePolicy; also what the route's metadata carries. */
export interface RouteBehaviour {
  readonly timeouts: { readonly request: string; readonly attempt: string };
  readonly retry: ServicePolicySettings['retry'];
}

export function decideBehaviour(
  rule: Pick<RuleModel, 'requestTimeout' | 'attemptTimeout' | 'retry' | 'grpc'> | null,
  policy: ServicePolicySettings,
): RouteBehaviour {
  const standard = rule?.grpc === true && !policy.timeouts.requestIsGiven ? '0s' : policy.timeouts.request;
  const request = rule?.requestTimeout ?? standard;
  // A stream lasts as long as its ends want.
  const endless = rule?.grpc === true && !policy.timeouts.attemptIsGiven;
  const derived = rule?.requestTimeout != null && !policy.timeouts.attemptIsGiven;
  const attempt =
    rule?.attemptTimeout ?? (derived || endless ? request : clampAttempt(policy.timeouts.attempt, request));
  return { timeouts: { request, attempt }, retry: decideRetry(rule?.retry ?? null, policy.retry) };
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
