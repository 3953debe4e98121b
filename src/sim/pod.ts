// A simulated pod: an application, and the real proxy beside it as its sidecar, on a host of their own.

import { createMemoryResolver, createMemoryStore } from '../net/index.ts';
import { createJsonLog } from '../observe/index.ts';
import { type Bootstrap, createProxy, defaultOverload, type Proxy as MeshProxy } from '../proxy/index.ts';
import type { SimControl } from './control.ts';
import type { SimProcess, World } from './world.ts';

export interface PodOptions {
  readonly name: string;
  readonly namespace: string;
  /** The Service it belongs to; also its `app` label. */
  readonly service: string;
  /** An address in 127.0.1.0/24: marked answers are believed from loopback alone. */
  readonly host: string;
}

export const inboundPort = 15_006;
export const outboundPort = 15_001;
export const applicationPort = 8080;
const stateDir = '/state';

export class Pod {
  readonly options: PodOptions;
  private readonly world: World;
  private readonly control: SimControl;
  /** The disk outlives the processes. */
  private readonly disk = createMemoryStore();
  private sidecar: {
    readonly process: SimProcess;
    readonly proxy: MeshProxy;
    readonly hangUp: () => void;
  } | null = null;

  constructor(world: World, control: SimControl, options: PodOptions) {
    this.world = world;
    this.control = control;
    this.options = options;
  }

  /** Null while it is down. */
  get proxy(): MeshProxy | null {
    return this.sidecar?.proxy ?? null;
  }

  startSidecar(): void {
    const { name, host } = this.options;
    const process = this.world.startProcess(`${name} sidecar`, host);
    const transport = this.control.createTransport();
    const { clock, random, network } = process;
    const proxy = createProxy({
      clock,
      random,
      network,
      resolver: createMemoryResolver(),
      store: this.disk,
      log: createJsonLog('warn', { write: (line) => this.world.trace.add(`${name} ${line.trim()}`) }, () =>
        clock.wall(),
      ),
      bootstrap: createBootstrap(this.options),
      version: 'sim',
      createAdsTransport: () => transport,
      stateDir,
      admin: null,
      readiness: null,
      drainTimeoutMs: null,
      process: null,
      onQuit: () => {},
    });
    proxy.start();
    this.sidecar = { process, proxy, hangUp: () => transport.setCut(true) };
  }

  crashSidecar(): void {
    this.sidecar?.process.kill();
    this.sidecar?.hangUp();
    this.sidecar = null;
  }

  /** Cuts the sidecar off from the control plane for good. */
  hangUp(): void {
    this.sidecar?.hangUp();
  }

  startApplicationProcess(): SimProcess {
    return this.world.startProcess(`${this.options.name} application`, this.options.host);
  }
}

function createBootstrap({ name, namespace, service, host }: PodOptions): Bootstrap {
  return {
    node: {
      id: `sidecar~${name}.${namespace}`,
      cluster: service,
      metadata: {
        namespace,
        labels: { app: service },
        listen: { outbound: `127.0.0.1:${outboundPort}`, inbound: `${host}:${inboundPort}` },
        application: { http: applicationPort },
        weft: 'sim',
      },
      locality: { region: '', zone: '', subZone: '' },
      userAgent: 'weft',
      clientFeatures: [],
    },
    admin: null,
    listeners: [],
    clusters: [],
    secrets: new Map(),
    overload: defaultOverload,
    local: null,
    ads: { variant: 'delta', services: [{ cluster: 'control', authority: '', metadata: [] }] },
    lds: { kind: 'ads' },
    cds: { kind: 'ads' },
    loadStats: null,
    // Its streams are made by the simulator: no address is looked at.
    servers: new Map(),
    document: null,
  };
}
