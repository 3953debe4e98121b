// What the network did between one caller's host and each host that could have answered it: resets, refusals and
// partitions. A request has so many attempts; where every replica was in trouble while it was open, the policy's
// attempts met as many faults, and no proxy could have answered better.

import { type Address, formatAddress, type SegmentKind } from '../net/index.ts';

/** The reset's sender learns of it at once; it is seen here when it arrives: after a jitter, and one repetition. */
const seenLateMs = 250;

interface Trouble {
  readonly host: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

export class Troubles {
  private readonly caller: string;
  private readonly replicas: ReadonlySet<string>;
  private readonly seen: Trouble[] = [];

  constructor(caller: string, replicas: readonly string[]) {
    this.caller = caller;
    this.replicas = new Set(replicas);
  }

  /** Of every segment that arrives. */
  onSegment(kind: SegmentKind, from: Address, to: Address, nowMs: number): void {
    if (kind !== 'reset' && kind !== 'refuse') return;
    const [one, other] = [hostOf(from), hostOf(to)];
    if (one === this.caller) this.note(other, nowMs, nowMs);
    else if (other === this.caller) this.note(one, nowMs, nowMs);
  }

  /** Also for what the network does not show: a replica that is cut off, or is not there. */
  note(host: string, fromMs: number, untilMs: number): void {
    if (this.replicas.has(host)) this.seen.push({ host, fromMs, untilMs });
  }

  /** Every replica failed this caller at some time between the two. */
  coversAll(fromMs: number, untilMs: number): boolean {
    const failed = new Set<string>();
    for (const trouble of this.seen)
      if (trouble.untilMs >= fromMs && trouble.fromMs <= untilMs + seenLateMs) failed.add(trouble.host);
    return failed.size === this.replicas.size;
  }
}

function hostOf(address: Address): string {
  return address.kind === 'ip' ? address.host : formatAddress(address);
}
