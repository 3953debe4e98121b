export { Breaker } from './breaker.ts';
export type { CircuitBreaker, LimitsConfig } from './types.ts';
