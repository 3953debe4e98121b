// The proxies that the control plane knows: who is connected, what they took and when, and how long changes need to
// reach them.

import type { Clock } from '../../base/index.ts';
import { Histogram, latencyBoundsSeconds } from '../../observe/index.ts';
import type { XdsNode } from '../../xds/index.ts';
import type { ScopeEntry } from '../snapshot/snapshot-book.ts';

/** A proxy that left is still shown for this long. */
const departedShownMs = 600_000;
/** Proxies remembered; the ones that left first are forgotten first. */
const proxiesMax = 20_000;
/** Of these, proxies that left. */
export const departedMax = 1_000;

/** What the console shows of a proxy that left. */
const shownMetadata: ReadonlySet<string> = new Set(['namespace', 'admin', 'weft']);

export interface ProxyState {
  node: XdsNode;
  entry: ScopeEntry;
  /** Open streams; two while a proxy reconnects. */
  streams: number;
  /** Unix time in milliseconds. */
  connectedAtMs: number;
  /** Unix time of the last thing heard, or of its departure. */
  lastSeenAtMs: number;
  /** Of its departure, by the clock that nobody sets. */
  leftMs: number;
  /** By type: the version last taken, when (Unix time), and the change it was measured for (clock time). */
  readonly taken: Map<string, { version: string; atMs: number; changeMs: number }>;
}

export class ProxyBook {
  /** From the event at the source until the response was sent. */
  readonly changeToSent = new Histogram(latencyBoundsSeconds);
  /** From the event at the source until the proxy acknowledged. */
  readonly changeToAck = new Histogram(latencyBoundsSeconds);
  private readonly clock: Clock;
  private readonly proxies = new Map<string, ProxyState>();
  /** Ids of those that left, the longest gone first. */
  private readonly departed = new Set<string>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  onStream(node: XdsNode, connected: boolean, entry: ScopeEntry): void {
    const atMs = this.clock.wall();
    const known = this.proxies.get(node.id);
    if (known === undefined) {
      if (connected) this.add(node, entry, atMs);
      return;
    }
    known.lastSeenAtMs = atMs;
    if (!connected) {
      known.streams = Math.max(0, known.streams - 1);
      if (known.streams === 0) this.depart(known);
      return;
    }
    this.departed.delete(node.id);
    known.node = node;
    known.entry = entry;
    known.connectedAtMs = atMs;
    known.streams++;
    for (const [typeUrl, taken] of known.taken) taken.changeMs = entry.changedAtMs(typeUrl);
  }

  onAck(node: XdsNode, typeUrl: string, version: string, waitMs: number): void {
    const proxy = this.proxies.get(node.id);
    if (proxy === undefined) return;
    const nowMs = this.clock.now();
    const changeMs = proxy.entry.changedAtMs(typeUrl);
    const before = proxy.taken.get(typeUrl);
    proxy.lastSeenAtMs = this.clock.wall();
    proxy.taken.set(typeUrl, { version, atMs: proxy.lastSeenAtMs, changeMs });
    // The first answer of a type is for what was there before the proxy came: no change to measure.
    if (before === undefined || changeMs < 0 || changeMs === before.changeMs) return;
    const sentMs = nowMs - waitMs;
    if (sentMs < changeMs) return;
    this.changeToSent.record((sentMs - changeMs) / 1000);
    this.changeToAck.record((nowMs - changeMs) / 1000);
  }

  isConnected(nodeId: string): boolean {
    return (this.proxies.get(nodeId)?.streams ?? 0) > 0;
  }

  /** Sorted by node id; those that left long ago are dropped on the way. */
  list(): readonly ProxyState[] {
    const oldest = this.clock.now() - departedShownMs;
    for (const [id, proxy] of this.proxies) if (proxy.streams === 0 && proxy.leftMs < oldest) this.forget(id);
    return [...this.proxies.values()].sort((a, b) => (a.node.id < b.node.id ? -1 : 1));
  }

  /** Of a proxy that left only what is shown of it stays, and of many the last ones. */
  private depart(proxy: ProxyState): void {
    const { id, metadata } = proxy.node;
    const shown = Object.entries(metadata).filter(([key]) => shownMetadata.has(key));
    proxy.node = { ...proxy.node, metadata: Object.fromEntries(shown), clientFeatures: [] };
    proxy.taken.clear();
    proxy.leftMs = this.clock.now();
    this.departed.add(id);
    const [first] = this.departed;
    if (this.departed.size <= departedMax || first === undefined) return;
    this.departed.delete(first);
    this.proxies.delete(first);
  }

  private add(node: XdsNode, entry: ScopeEntry, atMs: number): void {
    if (this.proxies.size >= proxiesMax) this.forgetOne();
    this.proxies.set(node.id, {
      node,
      entry,
      streams: 1,
      connectedAtMs: atMs,
      lastSeenAtMs: atMs,
      leftMs: 0,
      taken: new Map(),
    });
  }

  private forgetOne(): void {
    for (const [id, proxy] of this.proxies) {
      if (proxy.streams > 0) continue;
      this.forget(id);
      return;
    }
  }

  private forget(id: string): void {
    this.proxies.delete(id);
    this.departed.delete(id);
  }
}
