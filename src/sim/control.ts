// The real control plane as a simulated process that can crash and come back, over manifests that outlive it.

import type { Log } from '../base/index.ts';
import { type ControlPlane, createControlPlane } from '../control/index.ts';
import type { MemoryStore } from '../net/index.ts';
import { type AdsTransport, createMemoryAdsTransport, type MemoryAdsTransport } from '../xds/index.ts';
import type { SimProcess, World } from './world.ts';

export const manifestDirectory = '/manifests';
const controlHost = '127.0.1.250';

export class SimControl {
  private readonly world: World;
  private readonly store: MemoryStore;
  private readonly log: Log;
  private readonly transports = new Set<MemoryAdsTransport>();
  private process: SimProcess | null = null;
  private current: ControlPlane | null = null;

  constructor(world: World, store: MemoryStore, log: Log) {
    this.world = world;
    this.store = store;
    this.log = log;
  }

  /** Null while it is down. */
  get plane(): ControlPlane | null {
    return this.current;
  }

  start(): void {
    const process = this.world.startProcess('control', controlHost);
    this.process = process;
    this.current = createControlPlane({
      clock: process.clock,
      log: this.log,
      store: this.store,
      directory: manifestDirectory,
    });
    this.current.start();
    for (const transport of this.transports) transport.setServer(this.current.adsServer);
  }

  crash(): void {
    this.process?.kill();
    for (const transport of this.transports) transport.setServer(null);
    // Unhooks it from the store; its clock is dead, so nothing more comes of it.
    this.current?.stop();
    this.current = null;
  }

  /** A proxy's way to it, whichever control plane runs behind it at the time. */
  createTransport(): AdsTransport & { setCut(cut: boolean): void } {
    const transport = createMemoryAdsTransport(this.current?.adsServer ?? null, { clock: this.world.clock });
    this.transports.add(transport);
    return transport;
  }
}
