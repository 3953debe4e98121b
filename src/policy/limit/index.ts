export { type Gauge, LocalGauge } from './gauge.ts';
export { type RateLimit, TokenBucket, type TokenBucketConfig } from './token-bucket.ts';
