export { backoffMs } from './backoff-ms.ts';
export { type AttemptFailure, decideRetry, type RetryDecision, RetryFacts } from './decide-retry.ts';
export { RetryBudget } from './retry-budget.ts';
export { type RetryBudgetConfig, type RetryCondition, type RetryPolicy, retryConditions } from './types.ts';
