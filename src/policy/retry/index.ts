export { backoffMs } from './backoff-ms.ts';
export { type AttemptFailure, isRetryWorthy, type RetryDecision, RetryFacts } from './decide-retry.ts';
export { retryDefaults } from './defaults.ts';
export { parseRetryWords, type RetryWords, retryWords } from './envoy-words.ts';
export { judgeRetry, RetryVerdict } from './judge-retry.ts';
export { createRetryLimit } from './retry-limit.ts';
export { TraceNotes } from './trace-notes.ts';
export {
  type HeadRule,
  type HeadView,
  type ResetBackoff,
  type RetryBudgetConfig,
  type RetryCondition,
  type RetryLimit,
  type RetryLimitConfig,
  type RetryPolicy,
  type RetrySelection,
  retryConditions,
} from './types.ts';
