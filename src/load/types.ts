// What a load run is made of, and what it reports. The report is also the JSON that `weft load --json` prints: fields
// are added, never renamed.

import type { Clock, Random } from '../base/index.ts';
import type { Address, Network, TlsClient } from '../net/index.ts';
import type { RequestHead, ResponseHead } from '../wire/index.ts';

/** A call of gRPC: its success is grpc-status 0. */
export interface LoadCall {
  /** From when it was sent: kept by the caller, and told to the server by `grpc-timeout`. 0: none. */
  readonly deadlineMs: number;
  /** Lengths of the messages in the request's body, their prefixes included. */
  readonly messageBytes: readonly number[];
  /** Between two messages; 0: they follow each other as the window opens. */
  readonly messageIntervalMs: number;
}

/** One request to be sent. It may be shared by many sends: the run only reads it. */
export interface LoadRequest {
  /** Index in {@link LoadOptions.targets}. */
  readonly target: number;
  /** With content-length where there is a body. */
  readonly head: RequestHead;
  readonly body: Uint8Array | null;
  /** null: not gRPC. */
  readonly call: LoadCall | null;
  /** Whether a final status counts as success. */
  readonly expects: (status: number) => boolean;
}

/** Makes the requests of a run; called once per arrival, in order. */
export interface RequestMaker {
  /** `sequence` counts from 0, the warm-up included. */
  next(sequence: number): LoadRequest;
}

/** How one request ended. The object is reused: read it during the call only. */
export interface LoadResult {
  readonly sequence: number;
  readonly request: LoadRequest;
  /** '' on success; `status` for an unexpected one; `timeout`, `overflow`, or the code of a MeshError. */
  readonly failure: string;
  /** 0 without a response. */
  readonly status: number;
  /** null without a response. */
  readonly head: ResponseHead | null;
  /** -1 where there is none: not gRPC, or it did not come to that. */
  readonly grpcStatus: number;
  /** Messages of gRPC that came back. */
  readonly messages: number;
  /** Sent on a connection that had carried others before it. */
  readonly reused: boolean;
  /** When it was due, in the clock's time. */
  readonly intendedMs: number;
  /** From when it was due to the end of the response. */
  readonly latencyMs: number;
  /** From when it was really sent; -1 when it never was. */
  readonly serviceMs: number;
  readonly warmup: boolean;
}

export interface LoadObserver {
  /** A request ended, in the warm-up too. */
  onResult?(result: LoadResult): void;
  /** Bytes of a response body as they come, before `onResult`; valid during the call. */
  onBody?(sequence: number, bytes: Uint8Array, start: number, end: number): void;
  /** Every `intervalMs`. */
  onInterval?(interval: LoadInterval): void;
}

export type Arrivals = 'constant' | 'poisson';

export interface LoadOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  /** Waits for the next arrival; see pacer.ts. */
  readonly pacer: Pacer;
  /** Where requests go. Each target has its own connections. */
  readonly targets: readonly Address[];
  /** For each target; null, or none at all: in the clear. */
  readonly tls?: readonly (TlsClient | null)[];
  readonly maker: RequestMaker;
  /** More than 0, at most limits.rateMax. */
  readonly ratePerSecond: number;
  readonly arrivals: Arrivals;
  /** The measured time; the warm-up comes before it. */
  readonly durationMs: number;
  readonly warmupMs: number;
  /** For each target. */
  readonly connections: number;
  /** Streams at once on each connection of HTTP/2; 0: HTTP/1.1. */
  readonly streams: number;
  /** From the intended time to the end of the response. */
  readonly timeoutMs: number;
  readonly observer: LoadObserver | null;
  readonly intervalMs: number;
}

/** Who waits for an arrival. */
export interface Waiter {
  /** Requests are in flight: I/O must not be held up. */
  readonly busy: boolean;
  onDue(): void;
}

/** Calls back at a time, as exactly as it can, and lets I/O happen meanwhile. */
export interface Pacer {
  /** One wait at a time. */
  wait(untilMs: number, waiter: Waiter): void;
  cancel(): void;
}

/** Milliseconds. */
export interface LatencySummary {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** One interval: what ended in it. */
export interface LoadInterval {
  /** From the start of the measured time; negative in the warm-up. */
  readonly startMs: number;
  readonly endMs: number;
  readonly succeeded: number;
  readonly failed: number;
  /** null: nothing succeeded in it. */
  readonly latencyMs: LatencySummary | null;
}

export interface LoadReport {
  readonly version: 1;
  readonly ratePerSecond: number;
  readonly arrivals: Arrivals;
  readonly connections: number;
  /** On each of them, over HTTP/2; 0: HTTP/1.1. */
  readonly streams: number;
  /** The measured time, or until the last request's end where that came later; without the warm-up. */
  readonly elapsedMs: number;
  /** Stopped before its time; the rest of the report holds for what was done. */
  readonly interrupted: boolean;
  /** Requests that were due: succeeded, failed and unfinished together. */
  readonly due: number;
  /** Requests of which bytes were sent. */
  readonly sent: number;
  /** Requests that found every connection busy when they were due. */
  readonly waited: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Neither, because the run was interrupted. */
  readonly unfinished: number;
  /** Failed ones by reason. */
  readonly failures: Readonly<Record<string, number>>;
  /** Responses by status class: `1xx` to `5xx`. */
  readonly statusClasses: Readonly<Record<string, number>>;
  /** Responses by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Calls of gRPC by how they ended, in gRPC's words; `none`: without a grpc-status. */
  readonly grpcStatuses: Readonly<Record<string, number>>;
  /** Messages of gRPC that came back. */
  readonly messagesReceived: number;
  /** Successes a second of elapsed time. */
  readonly throughputPerSecond: number;
  /** Bytes of responses, heads included, also of the warm-up. */
  readonly bytesReceived: number;
  /**
   * Successful requests, from the intended send time: what a client that does not wait for others would see; null
   * without one.
   */
  readonly latencyMs: LatencySummary | null;
  /** The same from the actual send time. */
  readonly serviceMs: LatencySummary | null;
  /**
   * How late the generator itself came to each arrival. When this is not small against the latencies, they are its own.
   */
  readonly latenessMs: LatencySummary | null;
}
