export { Breaker } from './breaker.ts';
export type { LimitsConfig } from './types.ts';
