// A service of gRPC that the proxy calls.

/** A service of gRPC behind a cluster. */
export interface GrpcTargetConfig {
  readonly cluster: string;
  readonly authority: string;
  /** 0: no deadline. */
  readonly timeoutMs: number;
  readonly metadata: readonly (readonly [name: string, value: string])[];
}
