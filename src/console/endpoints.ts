// Endpoints as all their callers see them. What one proxy says of an endpoint that it never called is no knowledge;
// what nobody called lately is old; what no caller knows any more is shown as gone for a while, not dropped: it is what
// a person looks for.

import type { EndpointReading, Readings } from './readings.ts';
import type { EndpointState, EndpointView } from './view.ts';

/** From this share of failures on an endpoint is said to be failing. */
const failingShare = 0.1;

interface Merged {
  readonly service: string;
  readonly address: string;
  name: string;
  callers: number;
  costMinMs: number | null;
  costMaxMs: number | null;
  active: number;
  requests: number;
  /** In the interval. */
  asked: number;
  failed: number;
  remembered: number | null;
  ejectedBy: number;
  unhealthyFor: number;
}

export function keyOf({ service, address }: { readonly service: string; readonly address: string }): string {
  return `${service} ${address}`;
}

/** By service, name and address. */
export function mergeEndpoints(before: Readings, now: Readings): EndpointView[] {
  const merged = new Map<string, Merged>();
  for (const [node, { endpoints }] of now.byNode) {
    const earlier = new Map(before.byNode.get(node)?.endpoints.map((reading) => [keyOf(reading), reading]));
    for (const reading of endpoints) {
      const key = keyOf(reading);
      const entry = merged.get(key) ?? createMerged(reading);
      merged.set(key, entry);
      addReading(entry, reading, earlier.get(key));
    }
  }
  return [...merged.values()].map(toView).sort(byPlace);
}

export function byPlace(a: EndpointView, b: EndpointView): number {
  return (
    a.service.localeCompare(b.service) ||
    a.name.localeCompare(b.name, 'en', { numeric: true }) ||
    a.address.localeCompare(b.address, 'en', { numeric: true })
  );
}

function createMerged({ service, address }: EndpointReading): Merged {
  return {
    service,
    address,
    name: '',
    callers: 0,
    costMinMs: null,
    costMaxMs: null,
    active: 0,
    requests: 0,
    asked: 0,
    failed: 0,
    remembered: null,
    ejectedBy: 0,
    unhealthyFor: 0,
  };
}

function addReading(entry: Merged, reading: EndpointReading, before: EndpointReading | undefined): void {
  if (entry.name === '') entry.name = reading.name;
  // Active checks find an endpoint unhealthy without a call.
  if (!reading.healthy) entry.unhealthyFor += 1;
  if (reading.requests === 0) return;
  entry.callers += 1;
  entry.active += reading.active;
  entry.requests += reading.requests;
  if (reading.ejected) entry.ejectedBy += 1;
  if (reading.costMs !== null) {
    entry.costMinMs = Math.min(entry.costMinMs ?? reading.costMs, reading.costMs);
    entry.costMaxMs = Math.max(entry.costMaxMs ?? reading.costMs, reading.costMs);
  }
  if (reading.errorShare !== null) entry.remembered = Math.max(entry.remembered ?? 0, reading.errorShare);
  // A proxy that was not read before has no interval; one that restarted counts from zero.
  if (before === undefined) return;
  const restarted = reading.requests < before.requests;
  entry.asked += reading.requests - (restarted ? 0 : before.requests);
  entry.failed += reading.failures - (restarted ? 0 : before.failures);
}

function toView(entry: Merged): EndpointView {
  const { asked, failed, remembered, callers, ...shown } = entry;
  const share = asked > 0 ? Math.min(1, failed / asked) : remembered;
  const errorShare = callers === 0 ? null : share;
  const fresh = asked > 0;
  return {
    ...shown,
    callers,
    errorShare,
    fresh,
    state: stateOf(entry, errorShare, fresh),
    goneSeconds: 0,
  };
}

function stateOf({ ejectedBy, unhealthyFor }: Merged, share: number | null, fresh: boolean): EndpointState {
  if (ejectedBy > 0) return 'ejected';
  if (unhealthyFor > 0) return 'unhealthy';
  if (share !== null && share >= failingShare) return 'failing';
  return fresh ? 'in use' : 'idle';
}

/** Remembers endpoints that callers knew a while ago. */
export class EndpointMemory {
  private readonly seen = new Map<string, { readonly view: EndpointView; readonly atMs: number }>();
  private readonly keepMs: number;
  private readonly countMax: number;

  constructor(keepMs: number, countMax: number) {
    this.keepMs = keepMs;
    this.countMax = countMax;
  }

  /** `now` with those that are gone; those of services that are not there any more are forgotten. */
  merge(now: readonly EndpointView[], atMs: number, services: ReadonlySet<string>): EndpointView[] {
    for (const view of now) {
      this.seen.delete(keyOf(view));
      this.seen.set(keyOf(view), { view, atMs });
    }
    for (const [key, { view, atMs: seenMs }] of this.seen) {
      const full = this.seen.size > Math.max(this.countMax, now.length);
      if (full || atMs - seenMs > this.keepMs || !services.has(view.service)) this.seen.delete(key);
    }
    const present = new Set(now.map(keyOf));
    const names = new Set(now.map(({ service, name }) => `${service} ${name}`));
    const gone = [...this.seen.values()]
      // A pod that came back at another address is not gone.
      .filter(({ view }) => !present.has(keyOf(view)) && !names.has(`${view.service} ${view.name}`))
      .map(({ view, atMs: seenMs }) => toGone(view, (atMs - seenMs) / 1000));
    return [...now, ...gone].sort(byPlace);
  }
}

function toGone(view: EndpointView, goneSeconds: number): EndpointView {
  return { ...view, state: 'gone', fresh: false, active: 0, ejectedBy: 0, unhealthyFor: 0, goneSeconds };
}
