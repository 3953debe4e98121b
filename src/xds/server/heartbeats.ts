// Times to live of one type on one stream (xDS protocol, "TTL"): what the client has ends unless it is renewed, so that
// a control plane that fell silent is not believed for ever. A renewal is names and versions alone; where it comes so
// late that the client may have dropped something, all is sent again. In SotW listeners and clusters are always sent
// again: a response without them would delete them.

import { heartbeatsAtOnceMax } from '../limits.ts';
import type { AdsVariant, XdsResource } from '../types.ts';
import { isComplete, type TypeState } from './type-state.ts';

/** Renewals in the time that a resource lives: two may be lost. */
const renewals = 3;

/** A client that may be given times to live; in SotW only a wrapper can say them. */
export function takesLifetimes(features: readonly string[], variant: AdsVariant): boolean {
  if (!features.includes('xds.config.supports-resource-ttl')) return false;
  return variant === 'delta' || sotwFeatures.some((feature) => features.includes(feature));
}

/** As the protocol's page says it, and as its list of client features does. */
const sotwFeatures = ['xds.config.supports-resource-in-sotw', 'xds.config.resource-in-sotw'];

export class Heartbeats {
  readonly ttlMs: number;
  /** When the present round began, or the last one: all that the client has was good from then on. */
  private renewedAtMs: number;
  /** When the next round begins; a client that comes back has had what it has for a while. */
  private nextMs: number;
  /** Of the present round, what is still to be renewed. */
  private rest: readonly XdsResource[] = [];

  constructor(ttlMs: number, nowMs: number) {
    this.ttlMs = ttlMs;
    this.renewedAtMs = nowMs;
    this.nextMs = nowMs;
  }

  /** When there is something to renew; a response that has no answer is waited for. */
  dueMs({ inflight }: TypeState, ackWaitMs: number): number {
    const nextMs = this.rest.length > 0 ? this.renewedAtMs : this.nextMs;
    return inflight === null ? nextMs : Math.max(nextMs, inflight.sentAtMs + ackWaitMs);
  }

  /** Begins a round where it is time; where all is to be sent again, that is owed now. */
  begin(state: TypeState, variant: AdsVariant, nowMs: number): void {
    const isLate = nowMs >= this.renewedAtMs + (this.ttlMs * (renewals - 1)) / renewals;
    const isTime = this.rest.length > 0 ? isLate : nowMs >= this.nextMs;
    if (!isTime && !state.refusedHeartbeat) return;
    const lost = state.refusedHeartbeat || isLate;
    state.refusedHeartbeat = false;
    this.nextMs = nowMs + this.ttlMs / renewals;
    this.renewedAtMs = nowMs;
    const held = listHeld(state);
    const whole = lost || (variant === 'sotw' && isComplete(state.typeUrl));
    this.rest = whole ? [] : held;
    if (whole) oweAll(state, held, variant);
  }

  /** What the next response renews; none: nothing is to be renewed now. */
  take(): readonly XdsResource[] {
    const next = this.rest.slice(0, heartbeatsAtOnceMax);
    this.rest = this.rest.slice(heartbeatsAtOnceMax);
    return next;
  }
}

/** As the client has it, refused and leaving ones too: what it goes on using must not end under it. */
function listHeld(state: TypeState): readonly XdsResource[] {
  const names = state.wildcard === 'no' ? [] : [...(state.base?.keys() ?? [])];
  const all = new Set([...names, ...state.names, ...state.leaving.keys()]);
  return [...all].flatMap((name) => state.heldOf(name) ?? state.leaving.get(name) ?? []);
}

function oweAll(state: TypeState, held: readonly XdsResource[], variant: AdsVariant): void {
  if (variant === 'sotw' && state.wildcard !== 'no') state.owed ||= held.length > 0;
  else
    for (const { name } of held)
      if (state.base?.has(name) === true && !state.quarantine.withholds(name)) state.oweAgain(name);
}
