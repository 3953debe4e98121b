export { GlobalRateLimitFilter } from './global-rate-limit.ts';
export { LocalRateLimitFilter } from './local-rate-limit.ts';
