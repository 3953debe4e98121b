// The demo as one document: what the terminal view draws and the console asks for.

import type { LoadState } from '../load/load-process.ts';
import type { LoadSummary } from '../load/protocol.ts';
import type { KindUsage } from '../view/usage-meter.ts';

export interface ReplicaStatus {
  readonly name: string;
  readonly service: string;
  /** The pod's phase, or what an operator did to it. */
  readonly state: string;
  readonly restarts: number;
}

export interface DemoStatus {
  readonly replicas: readonly ReplicaStatus[];
  readonly policy: 'on' | 'off';
  readonly splitPercent: number;
  readonly money: { readonly expected: number; readonly found: number } | null;
  /** The clients' last second; null where `clients` is not running. */
  readonly load: (LoadSummary & { readonly inFlight: number }) | null;
  readonly clients: { readonly state: LoadState; readonly restarts: number };
  readonly requests: number;
  readonly failed: number;
  readonly retries: number;
  readonly addresses: { readonly edge: string; readonly console: string; readonly metrics: string };
  /** By kind: the mesh's own cost beside that of what it serves. */
  readonly usage: readonly KindUsage[];
}
