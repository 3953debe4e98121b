// What a proxy that runs out of something does about it, and how much of it: Envoy's overload manager
// (envoy.config.overload.v3). Pressures are shares of what there is, 0 to 1; an action's value says how far it goes.

/** Envoy's names without `envoy.overload_actions.`, the mildest first. */
export const overloadActions = [
  'shrink_heap',
  'reduce_timeouts',
  'disable_http_keepalive',
  'reject_incoming_connections',
  'stop_accepting_connections',
  'reset_high_memory_stream',
  'stop_accepting_requests',
] as const;

export type OverloadAction = (typeof overloadActions)[number];

/** Places where Envoy lets go of work (`envoy.load_shed_points.`), in the order in which a request comes by. */
export const loadShedPoints = [
  'tcp_listener_accept',
  'http2_server_go_away_and_close_on_dispatch',
  'http2_server_go_away_on_dispatch',
  'http1_server_abort_dispatch',
  'http_connection_manager_decode_headers',
] as const;

export type LoadShedPoint = (typeof loadShedPoints)[number];

/** 0 up to `from`, 1 from `to` on, in a straight line between; a threshold has both at one place. */
export interface OverloadTrigger {
  readonly monitor: string;
  readonly from: number;
  readonly to: number;
}

/** What happens at pressures. The strongest trigger holds. */
export interface Triggered {
  readonly triggers: readonly OverloadTrigger[];
}

export interface OverloadActionConfig extends Triggered {
  readonly action: OverloadAction;
}

/** `pressures` by the monitor's name; one that is not known has none. */
export function decideOverload({ triggers }: Triggered, pressures: ReadonlyMap<string, number>): number {
  let value = 0;
  for (const trigger of triggers)
    value = Math.max(value, triggerValue(trigger, pressures.get(trigger.monitor) ?? 0));
  return value;
}

function triggerValue({ from, to }: OverloadTrigger, pressure: number): number {
  if (pressure >= to) return 1;
  return pressure <= from ? 0 : (pressure - from) / (to - from);
}

/** A time that shrinks towards `minMs` as the value grows (ScaleTimersOverloadActionConfig). */
export function scaleTime(ms: number, minMs: number, value: number): number {
  return value === 0 || minMs >= ms ? ms : ms - (ms - minMs) * value;
}

/** Envoy's eight: each holds twice as much as the one before. */
export const resetClassesMax = 8;

/** Of what a stream holds, the smallest class that is tracked being 0; -1: too little to matter. */
export function resetClassOf(bytes: number, minimumPowerOfTwo: number): number {
  if (bytes < 2 ** minimumPowerOfTwo) return -1;
  return Math.min(resetClassesMax - 1, Math.floor(Math.log2(bytes)) - minimumPowerOfTwo);
}
