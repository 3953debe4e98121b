export { TokenBucket, type TokenBucketConfig } from './token-bucket.ts';
