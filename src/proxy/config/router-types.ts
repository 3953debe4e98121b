// What the router filter says, as the data path reads it.

/** What an internal caller may say wrong where a listener looks (Envoy's strict_check_headers). */
export const strictHeaders = [
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-max-retries',
  'x-envoy-retry-grpc-on',
  'x-envoy-retry-on',
] as const;

export type StrictHeader = (typeof strictHeaders)[number];

/** What the router filter says. */
export interface RouterOptions {
  /** Neither endpoints nor clients are told what x-envoy-… says of times, paths and limits. */
  readonly quiet: boolean;
  readonly strictHeaders: readonly StrictHeader[];
  /** The time that a proxy before this one has is the request's. */
  readonly believesExpected: boolean;
  /** Answers to calls of gRPC are not counted by their HTTP status. */
  readonly hidesGrpcCodes: boolean;
}
