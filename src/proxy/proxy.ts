// A whole proxy: configuration source, data path, admin interface. Everything it touches of the world is passed in, so
// the simulator runs this very composition.

import type { Clock, Random } from '../base/index.ts';
import type { Address, Network, Resolver, Store, SystemReadings } from '../net/index.ts';
import { type LeveledLog, type LogSink, StallMonitor } from '../observe/index.ts';
import { AdsClient, type AdsTransport, type XdsNode } from '../xds/index.ts';
import {
  type AdminContext,
  AdminServer,
  adminPages,
  type ProcessInfo,
  readinessPages,
} from './admin/index.ts';
import { type AdsConfig, type Bootstrap, ConfigSource } from './config/index.ts';
import type { Machine } from './context.ts';
import { DataPlane } from './data-plane.ts';
import type { DrainStrategy } from './downstream/index.ts';
import { OverloadManager } from './overload/index.ts';
import { Readiness } from './readiness.ts';
import type { ProxyView } from './stats/index.ts';

export interface ProxyOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly resolver: Resolver;
  readonly store: Store;
  readonly log: LeveledLog;
  readonly bootstrap: Bootstrap;
  /** Of this program, for display. */
  readonly version: string;
  readonly createAdsTransport: (ads: AdsConfig) => AdsTransport;
  /** Folder of the last good configuration; null: none is kept. */
  readonly stateDir: string | null;
  /** Admin interface; null: none. */
  readonly admin: Address | null;
  /** A second port with /ready and /stats/prometheus alone; null: none. */
  readonly readiness: Address | null;
  /** Overrides every listener's drain_timeout; null: theirs hold. */
  readonly drainTimeoutMs: number | null;
  /** How fast clients are sent away while draining; at once by default. */
  readonly drainStrategy?: DrainStrategy;
  readonly process: ProcessInfo | null;
  /** POST /quitquitquit. */
  readonly onQuit: () => void;
  /** Descriptors that the process may hold; no limit by default. */
  readonly openFilesMax?: number;
  /** Pressures of the process around it; null by default: it has none. */
  readonly readings?: SystemReadings | null;
  /** What formats may say of the machine; nothing by default. */
  readonly machine?: Machine;
  /** Where access logs go; files by default. */
  readonly createLogSink?: (path: string) => LogSink;
}

export interface Proxy {
  readonly view: ProxyView;
  readonly config: ConfigSource;
  readonly ready: boolean;
  /** Throws net's ListenError when the admin or readiness address cannot be bound. */
  start(): void;
  /** Announces the end and finishes what runs; resolves when nothing does any more. The admin interface stays. */
  drain(): Promise<void>;
  /**
   * The same when a successor listens at all of this proxy's addresses already: nothing is accepted any more, admin
   * included.
   */
  handOver(): Promise<void>;
  /** Ends everything at once. */
  stop(): Promise<void>;
  /** After a log rotation. */
  reopenLogs(): void;
}

export function createProxy(options: ProxyOptions): Proxy {
  return new ComposedProxy(options);
}

class ComposedProxy implements Proxy {
  readonly config: ConfigSource;
  private readonly options: ProxyOptions;
  private readonly dataPlane: DataPlane;
  private readonly readiness: Readiness;
  private readonly stalls: StallMonitor;
  private readonly overload: OverloadManager;
  private readonly transports: AdsTransport[] = [];
  private readonly servers: AdminServer[] = [];
  private admin: AdminServer | null = null;
  private readinessServer: AdminServer | null = null;

  constructor(options: ProxyOptions) {
    const {
      clock,
      random,
      network,
      resolver,
      log,
      store,
      bootstrap,
      createLogSink,
      machine,
      openFilesMax,
      drainStrategy,
    } = options;
    this.options = options;
    this.dataPlane = new DataPlane({
      clock,
      random,
      network,
      resolver,
      log,
      store,
      peer: peerOf(bootstrap.node),
      serviceCluster: /^[ -~]*$/.test(bootstrap.node.cluster) ? bootstrap.node.cluster : '',
      connectionsMax: bootstrap.overload.connectionsMax,
      ...(bootstrap.local === null ? {} : { local: bootstrap.local }),
      ...(createLogSink === undefined ? {} : { createLogSink }),
      ...(machine === undefined ? {} : { machine }),
      ...(openFilesMax === undefined ? {} : { openFilesMax }),
      ...(drainStrategy === undefined ? {} : { drainStrategy }),
    });
    this.config = new ConfigSource({
      clock,
      log,
      store,
      stateDir: options.stateDir,
      bootstrap,
      drainTimeoutMs: options.drainTimeoutMs,
      target: this.dataPlane,
      createClient: (ads, subscriber) => {
        const transport = options.createAdsTransport(ads);
        this.transports.push(transport);
        return new AdsClient({
          transport,
          variant: ads.variant,
          clock,
          random,
          node: bootstrap.node,
          subscriber,
          log,
        });
      },
    });
    this.readiness = new Readiness({ clock, log, config: this.config, plane: this.dataPlane });
    this.stalls = new StallMonitor(clock, () => this.dataPlane.requests);
    this.overload = new OverloadManager({
      clock,
      log,
      store,
      config: bootstrap.overload,
      plane: this.dataPlane,
      readings: options.readings ?? null,
      lagMs: () => this.stalls.lagMs,
    });
  }

  get view(): ProxyView {
    return this.dataPlane;
  }

  get ready(): boolean {
    return this.readiness.state === 'LIVE';
  }

  start(): void {
    const context = this.createAdminContext();
    const { admin, readiness, network } = this.options;
    if (admin !== null) {
      this.admin = new AdminServer(context, network, admin, adminPages);
      this.servers.push(this.admin);
    }
    if (readiness !== null) {
      this.readinessServer = new AdminServer(context, network, readiness, readinessPages);
      this.servers.push(this.readinessServer);
    }
    this.stalls.start();
    this.config.start();
    this.readiness.start();
    this.overload.start();
  }

  drain(): Promise<void> {
    return this.dataPlane.drain();
  }

  handOver(): Promise<void> {
    for (const server of this.servers.splice(0)) server.close();
    return this.dataPlane.drain(true);
  }

  async stop(): Promise<void> {
    this.stalls.stop();
    this.overload.stop();
    this.readiness.stop();
    await this.config.stop();
    for (const transport of this.transports) transport.close();
    await this.dataPlane.stop();
    for (const server of this.servers) server.close();
  }

  reopenLogs(): void {
    this.dataPlane.reopenLogs();
  }

  private createAdminContext(): AdminContext {
    const { clock, log, version, onQuit } = this.options;
    return {
      clock,
      view: this.dataPlane,
      config: this.config,
      stalls: this.stalls,
      overload: this.overload,
      log,
      version,
      process: this.options.process,
      readiness: this.readiness,
      actions: {
        drainListeners: () => void this.dataPlane.drain(),
        failHealth: (failed) => this.dataPlane.failHealth(failed),
        quit: onQuit,
      },
      accessLogDropped: () => this.dataPlane.accessLogDropped,
      foldedSeries: 0,
    };
  }
}

/** Who calls, for the callee's metrics: a sidecar speaks for its workload, a node agent for many and so for none. */
function peerOf(node: XdsNode): string {
  const namespace = node.metadata['namespace'];
  if (typeof namespace !== 'string' || node.cluster === '' || node.id.startsWith('agent~')) return '';
  const peer = `${namespace}/${node.cluster}`;
  // It becomes a header's value, and only a Kubernetes name has business there.
  return /^[!-~]+$/.test(peer) ? peer : '';
}
