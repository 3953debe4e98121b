// One check of one endpoint: begins, ends by itself with a result or is given up by its session. What it goes over may
// be kept for the next one.

import type { MeshError } from '../../base/index.ts';
import type { Address, ConnectOptions } from '../../net/index.ts';
import type { CheckResult } from '../../policy/index.ts';
import type { Http1Limits } from '../../wire/http1/index.ts';
import type { ActiveHealthConfig } from '../config/health-types.ts';
import type { ProxyContext } from '../context.ts';

/** The endpoint, as its checks see it. */
export interface CheckTarget {
  readonly key: string;
  readonly checkAddress: Address;
  /** Instead of the check's own host; '': that holds. */
  readonly checkHost: string;
  /** `region/zone/sub-zone`. */
  readonly locality: string;
}

/** The session, as its probe sees it. */
export interface ProbeOwner {
  readonly context: ProxyContext;
  readonly cluster: string;
  readonly target: CheckTarget;
  readonly codecLimits: Http1Limits;
  readonly config: ActiveHealthConfig;
  connectOptions(): ConnectOptions | MeshError;
  /** `status`: of an answer over HTTP; 0: there was none. */
  onProbe(result: CheckResult, status: number): void;
}

export interface Probe {
  /** The owner hears of its end once, unless it gives the check up first. */
  begin(): void;
  /** Took too long: its connection is not used again. */
  giveUp(): void;
  /** No check will follow. */
  close(): void;
}
