// What the demo and its load process say to each other: JSON lines on standard input and output.

import type { AcknowledgedTransfer } from './money.ts';

export interface LoadConfig {
  /** The edge: `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly ratePerSecond: number;
  /** Share of requests that move money, 0 to 1; the rest ask for the home page. */
  readonly transferShare: number;
  /** Makes the references of this run's transfers its own. */
  readonly run: string;
  readonly customers: number;
  /** Asks again for a page whose connection was ended under the request, as browsers do. */
  readonly repeatsPages?: true;
}

/** Demo to load. The first line is `start`; the end of the input ends the load. */
export type LoadCommand =
  | { readonly type: 'start'; readonly config: LoadConfig }
  /** Requests that are due from now on belong to this phase. */
  | { readonly type: 'phase'; readonly name: string }
  /** No more requests; `done` follows when the last one has ended. */
  | { readonly type: 'stop' };

/** The clients' view of some requests. Latency counts from the moment a request was due. */
export interface LoadSummary {
  readonly requests: number;
  readonly failed: number;
  /** null: nothing ended. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** Requests that have ended since the load began. */
export interface LoadTotal {
  readonly requests: number;
  readonly failed: number;
}

export interface LoadFailure {
  readonly kind: 'home' | 'transfer';
  readonly afterMs: number;
  readonly reason: string;
}

/** Load to demo. */
export type LoadEvent =
  /** What ended in the last second. */
  | ({ readonly type: 'second'; readonly inFlight: number; readonly total: LoadTotal } & LoadSummary)
  /** A phase whose last request has ended. */
  | ({ readonly type: 'phase'; readonly name: string } & LoadSummary)
  | ({ readonly type: 'failure'; readonly phase: string } & LoadFailure)
  /** Its connection was ended as it was sent, and it is sent again. */
  | { readonly type: 'repeated'; readonly phase: string }
  | { readonly type: 'acknowledged'; readonly transfer: AcknowledgedTransfer }
  | { readonly type: 'done'; readonly total: LoadTotal };
