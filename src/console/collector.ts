// Reads the mesh when somebody looks: the control plane's API, then every proxy it names, a few at a time. Nobody
// looking costs nothing.

import { aggregate } from './aggregate.ts';
import { EndpointMemory } from './endpoints.ts';
import { consoleLimits } from './limits.ts';
import type { Mesh } from './mesh.ts';
import { readProxy } from './read-proxy.ts';
import type { Reading, Readings } from './readings.ts';
import type { ConsoleState, DemoView, HistoryPoint } from './view.ts';

export interface CollectorOptions {
  /** Asks the control plane. Rejects when it does not answer. */
  readonly readMesh: () => Promise<Mesh>;
  /** Asks the demo that runs beside, if any; null where there is none or it does not answer. */
  readonly readDemo: () => Promise<DemoView | null>;
  readonly fetcher: typeof fetch;
  /** Unix ms. */
  readonly wallMs: () => number;
}

export class Collector {
  private readonly options: CollectorOptions;
  private readonly memory = new EndpointMemory(consoleLimits.goneEndpointMs, consoleLimits.goneEndpointsMax);
  private before: Readings | null = null;
  private past: HistoryPoint[] = [];
  private latest: ConsoleState | null = null;
  private running: Promise<ConsoleState> | null = null;

  constructor(options: CollectorOptions) {
    this.options = options;
  }

  /** The newest state; asks the mesh when the last one is old. Concurrent callers share one reading. */
  async state(): Promise<ConsoleState> {
    const age = this.options.wallMs() - (this.latest?.atMs ?? 0);
    if (this.latest !== null && age < consoleLimits.readingAgeMinMs) return this.latest;
    this.running ??= this.collect().finally(() => {
      this.running = null;
    });
    return await this.running;
  }

  /** The looks of the last minutes, oldest first. Nobody looking leaves a gap. */
  get history(): readonly HistoryPoint[] {
    return this.past;
  }

  private async collect(): Promise<ConsoleState> {
    const { readMesh, readDemo, wallMs } = this.options;
    const [mesh, demo] = await Promise.all([readMesh(), readDemo()]);
    const now: Readings = { byNode: await this.readProxies(mesh), atMs: wallMs() };
    // The first look has no interval: its rates are unknown rather than averages over the proxies' lives.
    const stale = now.atMs - (this.before?.atMs ?? 0) > consoleLimits.intervalMaxMs;
    const seen = aggregate(mesh, stale ? null : this.before, now, demo);
    const endpoints = this.memory.merge(seen.endpoints, now.atMs, new Set(mesh.services));
    this.latest = { ...seen, endpoints };
    this.before = now;
    this.remember(this.latest);
    return this.latest;
  }

  private remember({ atMs, golden, services }: ConsoleState): void {
    const byName = Object.fromEntries(services.map((service) => [service.name, service.golden]));
    this.past.push({ atMs, golden, services: byName });
    const pointsMax = Math.min(
      consoleLimits.historyPointsMax,
      Math.max(2, Math.floor(consoleLimits.historyCellsMax / Math.max(1, services.length))),
    );
    this.past.splice(0, this.past.length - pointsMax);
  }

  private async readProxies(mesh: Mesh): Promise<Map<string, Reading>> {
    const waiting = mesh.proxies.filter((proxy) => proxy.admin !== '' && proxy.connected);
    const readings = new Map<string, Reading>();
    const work = async (): Promise<void> => {
      for (let proxy = waiting.pop(); proxy !== undefined; proxy = waiting.pop()) {
        const reading = await readProxy(proxy, this.options.fetcher);
        if (reading !== null) readings.set(proxy.node, reading);
      }
    };
    await Promise.all(Array.from({ length: consoleLimits.parallelProxies }, work));
    return readings;
  }
}
