// The mesh as the console knows it: what control-api.ts reads, the collector asks and the view is made from.

import type { IssueView, ProxySync } from './view.ts';

/** One proxy that the control plane knows. */
export interface MeshProxy {
  readonly node: string;
  readonly role: string;
  /** The service whose workload it stands beside, as a caller: `bank/payments`. */
  readonly workload: string;
  /** `host:port` of its admin port, or '' where it did not say. */
  readonly admin: string;
  /** False: an Envoy, which counts under other names. */
  readonly weft: boolean;
  readonly connected: boolean;
  readonly sync: ProxySync;
  readonly version: string;
  readonly ageSeconds: number | null;
  readonly nack: string | null;
}

export interface Mesh {
  readonly version: string;
  readonly services: readonly string[];
  readonly proxies: readonly MeshProxy[];
  readonly issues: readonly IssueView[];
}
