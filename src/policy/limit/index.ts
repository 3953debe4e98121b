export { ByteLimit, type ByteRateConfig, byteBucket } from './byte-limit.ts';
export { type Gauge, LocalGauge } from './gauge.ts';
export { FillRate, type RateLimit, TokenBucket, type TokenBucketConfig } from './token-bucket.ts';
