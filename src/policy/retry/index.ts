export { type AttemptFailure, type RetryDecision, RetryFacts } from './decide-retry.ts';
export { judgeRetry, RetryVerdict } from './judge-retry.ts';
export { RetryBudget } from './retry-budget.ts';
export { type RetryBudgetConfig, type RetryCondition, type RetryPolicy, retryConditions } from './types.ts';
