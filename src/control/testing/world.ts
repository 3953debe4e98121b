// A control plane over a store in memory and clients over ADS in memory, all in virtual time.

import {
  type Issue,
  type LogFields,
  type MeshError,
  silentLog,
  VirtualClock,
  Xoshiro128,
} from '../../base/index.ts';
import { createMemoryStore, type MemoryStore } from '../../net/index.ts';
import {
  AdsClient,
  createMemoryAdsTransport,
  typeUrls,
  type XdsNode,
  type XdsSubscriber,
  type XdsUpdate,
} from '../../xds/index.ts';
import { type ControlPlane, createControlPlane } from '../control-plane.ts';

export class World {
  readonly clock = new VirtualClock();
  readonly store: MemoryStore;
  readonly plane: ControlPlane;
  /** What the control plane logged. */
  readonly lines: (LogFields & { readonly message: string })[] = [];
  private readonly random = new Xoshiro128(7);

  constructor(store: MemoryStore = createMemoryStore()) {
    this.store = store;
    this.plane = createControlPlane({
      clock: this.clock,
      log: {
        debugEnabled: false,
        write: (_level, message, fields) => this.lines.push({ message, ...fields }),
      },
      store: this.store,
      directory: 'dir',
    });
  }

  async write(path: string, text: string): Promise<void> {
    await this.store.write(`dir/${path}`, new TextEncoder().encode(text));
    await settle();
  }

  async remove(path: string): Promise<void> {
    await this.store.remove(`dir/${path}`);
    await settle();
  }

  async start(): Promise<void> {
    this.plane.start();
    await settle();
  }

  /** Milliseconds, letting promises run on the way. */
  async run(ms: number): Promise<void> {
    for (let i = 0; i < ms; i += 5) {
      this.clock.advanceBy(Math.min(5, ms - i));
      await settle();
    }
  }

  connect(id: string, node: Partial<XdsNode> = {}): Client {
    return new Client(this.plane, this.clock, this.random, {
      id,
      cluster: 'test',
      metadata: { labels: { app: 'ledger' } },
      locality: { region: '', zone: '', subZone: '' },
      userAgent: 'test',
      clientFeatures: [],
      ...node,
    });
  }
}

/** Subscribes to everything, keeps the newest of each resource, and refuses what `refuse` says. */
export class Client implements XdsSubscriber {
  readonly versions = new Map<string, string>();
  readonly updates: string[] = [];
  refuse: ((update: XdsUpdate) => readonly Issue[]) | null = null;
  private readonly client: AdsClient;
  private readonly clock: VirtualClock;

  constructor(plane: ControlPlane, clock: VirtualClock, random: Xoshiro128, node: XdsNode) {
    this.clock = clock;
    const transport = createMemoryAdsTransport(plane.adsServer, { clock });
    this.client = new AdsClient({
      transport,
      variant: 'delta',
      clock,
      random,
      node,
      subscriber: this,
      log: silentLog,
    });
    for (const typeUrl of Object.values(typeUrls)) this.client.subscribe(typeUrl, '*');
    this.client.start();
  }

  onUpdate(update: XdsUpdate): readonly Issue[] {
    const kind = update.typeUrl.split('.').at(-1);
    const names = [...update.changed.map((one) => one.name), ...update.removed.map((name) => `-${name}`)];
    this.updates.push(`${Math.round(this.clock.now())} ${kind} ${names.join(' ')}`);
    const issues = this.refuse?.(update) ?? [];
    if (issues.length > 0) return issues;
    for (const resource of update.changed) this.versions.set(`${kind} ${resource.name}`, resource.version);
    for (const name of update.removed) this.versions.delete(`${kind} ${name}`);
    return [];
  }

  onConnection(_connected: boolean, _error: MeshError | null): void {}

  stop(): void {
    this.client.stop();
  }
}

/** Lets promises that are ready run, however many follow from one another within reason. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 60; i++) await Promise.resolve();
}
