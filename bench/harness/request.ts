// What every load asks, and what it tells.

export interface Saturation {
  readonly requests: number;
  readonly seconds: number;
  readonly failed: number;
}

/**
 * Header lines of a service-to-service call in a mesh. `Host` in capitals: wrk would send its own beside a lower-case
 * one.
 */
export const requestHeaders: readonly (readonly [string, string])[] = [
  ['Host', 'ledger'],
  ['user-agent', 'payments/1.0'],
  ['accept', 'application/json'],
  ['accept-encoding', 'gzip'],
  ['content-type', 'application/json'],
  ['authorization', 'Bearer 0123456789abcdef0123456789abcdef'],
  ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
  ['x-account-id', '12345678'],
];

export interface RateResult {
  readonly sent: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** How late the generator itself was (p99): above a few ms the latencies are its own. */
  readonly generatorLateMs: number;
}
