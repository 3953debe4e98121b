// What holds of retries where a ServicePolicy says nothing: read by the schema that the control plane validates with
// and by the proxy that is sent its result, so that the two cannot differ. The reasons stand in the schema
// (docs/policy.md).

import type { PolicyCondition } from './types.ts';

export const retryDefaults = {
  on: [
    'ConnectFailure',
    'Reset',
    'Unavailable',
    'GatewayError',
    'AttemptTimeout',
  ] as readonly PolicyCondition[],
  attempts: 2,
  backoff: { baseMs: 25, maxMs: 250 },
  budget: { percent: 20, intervalMs: 10_000, minRetries: { count: 10, intervalMs: 10_000 } },
} as const;
