// The overload manager as configured: what is watched, and what is done from which pressure on.

import type { LoadShedPoint, OverloadAction, OverloadTrigger } from '../../policy/index.ts';

export type MonitorConfig =
  /** Resident memory of the process, of so many bytes. */
  | { readonly kind: 'fixed-heap'; readonly name: string; readonly bytesMax: number }
  /** The working set of the cgroup, of its limit or of less. */
  | { readonly kind: 'cgroup-memory'; readonly name: string; readonly bytesMax: number }
  /** A number from 0 to 1 in a file. */
  | { readonly kind: 'injected'; readonly name: string; readonly path: string }
  /** Descriptors of the process, of as many as it may have. */
  | { readonly kind: 'descriptors'; readonly name: string }
  /** How late the event loop is, of so many milliseconds. */
  | { readonly kind: 'loop-lag'; readonly name: string; readonly lagMs: number };

export interface OverloadConfig {
  readonly refreshMs: number;
  /** Instead of it while no client is connected, so that nobody makes anything grow. A multiple of it. */
  readonly restMs: number;
  readonly monitors: readonly MonitorConfig[];
  readonly actions: readonly OverloadActionSettings[];
  readonly shedPoints: readonly LoadShedSettings[];
  /** Connections of all listeners; more are refused. null: the proxy's own bound. */
  readonly connectionsMax: number | null;
  /** Streams that hold less than two to this power are never reset for their memory; null: none is. */
  readonly trackedPowerOfTwo: number | null;
}

export interface OverloadActionSettings {
  readonly action: OverloadAction;
  readonly triggers: readonly OverloadTrigger[];
  /** Of reduce_timeouts alone. */
  readonly timers: readonly ScaledTimer[];
}

/** Work is let go of at this place; the value is the share of it. */
export interface LoadShedSettings {
  readonly point: LoadShedPoint;
  readonly triggers: readonly OverloadTrigger[];
}

/** Its least value is a time, or a share of the time configured. */
export interface ScaledTimer {
  readonly timer: 'connection-idle' | 'transport-socket-connect';
  readonly min: { readonly ms: number } | { readonly share: number };
}

const memory = 'weft.resource_monitors.memory';
const descriptors = 'weft.resource_monitors.descriptors';
const loopLag = 'weft.resource_monitors.loop_lag';

function at(value: number, ...monitors: readonly string[]): readonly OverloadTrigger[] {
  return monitors.map((monitor) => ({ monitor, from: value, to: value }));
}

/** Names of what Weft watches beyond Envoy; triggers of a configuration may name them without declaring them. */
export const ownMonitors: ReadonlyMap<string, MonitorConfig> = new Map(
  [
    { kind: 'cgroup-memory', name: memory, bytesMax: Number.POSITIVE_INFINITY } as const,
    { kind: 'descriptors', name: descriptors } as const,
    // Later than this for long, and every client has gone before it is answered.
    { kind: 'loop-lag', name: loopLag, lagMs: 2_000 } as const,
  ].map((monitor) => [monitor.name, monitor]),
);

/** In force where the bootstrap says nothing: mild first, and only where the process would fail otherwise. */
export const defaultOverload: OverloadConfig = {
  refreshMs: 1_000,
  restMs: 4_000,
  monitors: [...ownMonitors.values()],
  actions: [
    { action: 'shrink_heap', triggers: at(0.85, memory), timers: [] },
    { action: 'disable_http_keepalive', triggers: at(0.9, memory, descriptors, loopLag), timers: [] },
    { action: 'reject_incoming_connections', triggers: at(0.95, memory, descriptors, loopLag), timers: [] },
    { action: 'stop_accepting_requests', triggers: at(0.98, memory, loopLag), timers: [] },
  ],
  shedPoints: [],
  connectionsMax: null,
  trackedPowerOfTwo: null,
};
