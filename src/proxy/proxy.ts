// A whole proxy: configuration source, data path, admin interface. Everything it touches of the world is passed in, so
// the simulator runs this very composition.

import type { Clock, Random } from '../base/index.ts';
import type { Address, Network, OpenListener, Resolver, Store, SystemReadings } from '../net/index.ts';
import { type LeveledLog, type LogSink, StallMonitor } from '../observe/index.ts';
import { AdsClient, type AdsTransport, loadReportingPath } from '../xds/index.ts';
import {
  type AdminContext,
  AdminServer,
  adminPages,
  CounterBaseline,
  type ProcessInfo,
  readinessPages,
} from './admin/index.ts';
import { composePlane } from './compose-plane.ts';
import {
  type AdsConfig,
  type Bootstrap,
  type ClientRequest,
  ConfigSource,
  createDemands,
  FileClient,
  findServers,
  type SourceSubscriber,
} from './config/index.ts';
import type { Machine } from './context.ts';
import type { DataPlane, FindTlsClient } from './data-plane.ts';
import type { DrainStrategy } from './downstream/index.ts';
import type { DrainCause, DrainOptions } from './drain.ts';
import type { UserFilters } from './filters/index.ts';
import { LoadReporter } from './load-reports/index.ts';
import { OverloadManager } from './overload/index.ts';
import { Readiness, type ReadinessPlane } from './readiness.ts';
import type { ProxyView } from './stats/index.ts';
import { FirstThread, type ThreadsOptions } from './threads/index.ts';

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
  /** `tlsClient` says what a server with TLS is connected with; null while it has no certificates or trust. */
  readonly createAdsTransport: (ads: AdsConfig, tlsClient: FindTlsClient) => AdsTransport;
  /** Folder of the last good configuration; null: none is kept. */
  readonly stateDir: string | null;
  /** Admin interface; null: none. */
  readonly admin: Address | null;
  /** A second port with /ready and /stats/prometheus alone; null: none. */
  readonly readiness: Address | null;
  /** Overrides every listener's drain_timeout; null: theirs hold. */
  readonly drainTimeoutMs: number | null;
  /** How fast clients are sent away while draining; null or absent: as its cause asks, see strategyOf. */
  readonly drainStrategy?: DrainStrategy | null;
  readonly process: ProcessInfo | null;
  /** POST /quitquitquit. */
  readonly onQuit: () => void;
  /** Descriptors that the process may hold; no limit by default. */
  readonly openFilesMax?: number;
  /** Pressures of the process around it; null by default: it has none. */
  readonly readings?: SystemReadings | null;
  /** What formats may say of the machine; nothing by default. */
  readonly machine?: Machine;
  /** Further threads that serve too; null by default: the proxy is one thread. */
  readonly threads?: ThreadsOptions | null;
  /** Where access logs go; files by default. */
  readonly createLogSink?: (path: string) => LogSink;
  /** Filters of the user's own; none by default. */
  readonly userFilters?: UserFilters;
}

export interface Proxy {
  readonly view: ProxyView;
  readonly config: ConfigSource;
  readonly ready: boolean;
  /** Of the admin interface, as bound; null: there is none, or not yet. */
  readonly adminAddress: Address | null;
  /** Listening sockets of its further threads, which a successor takes over with those of the first. */
  readonly otherListeners: readonly OpenListener[];
  /** Throws net's ListenError when the admin or readiness address cannot be bound. */
  start(): void;
  /** Announces the end and finishes what runs; resolves when nothing does any more. The admin interface stays. */
  drain(): Promise<void>;
  /**
   * The same when a successor listens at all of this proxy's addresses already: nothing is accepted any more, admin
   * included. `withinMs`: the successor's word on how long it may take; null: the listeners' drain times hold.
   */
  handOver(withinMs: number | null): Promise<void>;
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
  /** Null: the proxy is one thread. */
  private readonly first: FirstThread | null;
  private readonly dataPlane: DataPlane;
  private readonly baseline = new CounterBaseline();
  private readonly readiness: Readiness;
  private readonly stalls: StallMonitor;
  private readonly overload: OverloadManager;
  /** Null: nobody wants to hear how requests went. */
  private readonly loads: LoadReporter | null;
  private readonly transports: AdsTransport[] = [];
  private readonly servers: AdminServer[] = [];
  private admin: AdminServer | null = null;
  private readinessServer: AdminServer | null = null;

  constructor(options: ProxyOptions) {
    const { clock, log, store, bootstrap } = options;
    this.options = options;
    this.first =
      options.threads == null
        ? null
        : new FirstThread({ clock, log, createLogSink: options.createLogSink, ...options.threads });
    const demands = createDemands(clock);
    this.dataPlane = composePlane(options, { ...this.first?.planeOptions, demands });
    this.config = new ConfigSource({
      clock,
      log,
      store,
      stateDir: options.stateDir,
      bootstrap,
      drainTimeoutMs: options.drainTimeoutMs,
      target: this.dataPlane,
      demands,
      createClient: (request, subscriber) => this.createClient(request, subscriber),
      ...(this.first === null ? {} : sharedBy(this.first)),
    });
    this.first?.attach(this.dataPlane, this.config);
    this.readiness = new Readiness({ clock, log, config: this.config, plane: this.createReadinessPlane() });
    this.stalls = new StallMonitor(clock, this.dataPlane);
    this.overload = new OverloadManager({
      clock,
      log,
      store,
      config: bootstrap.overload,
      plane: this.dataPlane,
      readings: options.readings ?? null,
      lagMs: () => this.stalls.lagMs,
    });
    this.loads = this.createLoadReporter();
  }

  private createLoadReporter(): LoadReporter | null {
    const { clock, random, log, bootstrap, createAdsTransport } = this.options;
    const { loadStats, servers, node } = bootstrap;
    if (loadStats === null) return null;
    const config = { ...findServers(loadStats, null, servers), method: loadReportingPath };
    const { first, dataPlane } = this;
    return new LoadReporter({
      clock,
      random,
      log,
      node,
      transport: createAdsTransport(config, (tls) => dataPlane.tlsClient(tls)),
      view: () => first?.view(dataPlane) ?? dataPlane,
      collect: first === null ? null : () => first.collect(),
    });
  }

  private createClient(request: ClientRequest, own: SourceSubscriber): AdsClient | FileClient {
    const { clock, random, log, store, bootstrap, createAdsTransport } = this.options;
    const subscriber = this.first?.relay(own, () => this.config) ?? own;
    if (request.kind === 'file') return new FileClient({ path: request.path, store, clock, log, subscriber });
    const transport = createAdsTransport(request.config, (tls) => this.dataPlane.tlsClient(tls));
    this.transports.push(transport);
    const { variant } = request.config;
    return new AdsClient({ transport, variant, clock, random, node: bootstrap.node, subscriber, log });
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
    this.loads?.start();
  }

  get adminAddress(): Address | null {
    return this.admin?.address ?? null;
  }

  /** Open in other threads of this process. */
  get otherListeners(): readonly OpenListener[] {
    return this.first?.listeners ?? [];
  }

  drain(): Promise<void> {
    return this.drainFor({ kind: 'end' });
  }

  async handOver(withinMs: number | null): Promise<void> {
    for (const server of this.servers.splice(0)) server.close();
    this.config.handOver();
    await this.drainFor({ kind: 'succession', withinMs });
  }

  private async drainFor(cause: DrainCause): Promise<void> {
    await Promise.all([this.dataPlane.drain(cause), this.first?.drain(cause)]);
  }

  async stop(): Promise<void> {
    this.stalls.stop();
    this.overload.stop();
    this.loads?.stop();
    this.readiness.stop();
    await this.config.stop();
    for (const transport of this.transports) transport.close();
    // The other threads' last log lines go out by this one's logs.
    await this.first?.stop();
    await this.dataPlane.stop();
    for (const server of this.servers) server.close();
  }

  reopenLogs(): void {
    this.dataPlane.reopenLogs();
  }

  private createReadinessPlane(): ReadinessPlane {
    const { dataPlane, first } = this;
    if (first === null) return dataPlane;
    return {
      get draining() {
        return dataPlane.draining;
      },
      get healthFailed() {
        return dataPlane.healthFailed;
      },
      get obstacles() {
        return first.obstacles(dataPlane.obstacles);
      },
    };
  }

  private drainListeners(options: DrainOptions): void {
    if (!options.inboundOnly && !options.keepListening) {
      void this.drainFor({ kind: 'asked', graceful: options.graceful });
      return;
    }
    this.dataPlane.drainListeners(options);
    this.first?.drainListeners(options);
  }

  private failHealth(failed: boolean): void {
    this.dataPlane.failHealth(failed);
    this.first?.failHealth(failed);
  }

  private createAdminContext(): AdminContext {
    const context = this.createOwnContext();
    const { dataPlane, first, stalls } = this;
    if (first === null) return context;
    // Made anew when a page has brought the figures up to now, and not for every look at it.
    let view = first.view(dataPlane);
    return {
      ...context,
      log: first.log,
      threads: first.threads,
      get view() {
        return view;
      },
      get threadRequests() {
        return first.requests(dataPlane);
      },
      get stalls() {
        return first.stalls(stalls);
      },
      accessLogDropped: () => first.accessLogDropped(dataPlane.accessLogDropped),
      async collect() {
        await first.collect();
        view = first.view(dataPlane);
      },
    };
  }

  private createOwnContext(): AdminContext {
    const { clock, log, version, onQuit } = this.options;
    return {
      clock,
      threads: 1,
      threadRequests: [],
      view: this.dataPlane,
      config: this.config,
      stalls: this.stalls,
      overload: this.overload,
      log,
      version,
      process: this.options.process,
      readiness: this.readiness,
      actions: {
        drainListeners: (options) => this.drainListeners(options),
        reopenLogs: () => this.reopenLogs(),
        failHealth: (failed) => this.failHealth(failed),
        quit: onQuit,
      },
      accessLogDropped: () => this.dataPlane.accessLogDropped,
      foldedSeries: 0,
      sinceReset: (stats) => this.baseline.since(stats),
      resetCounters: (stats) => this.baseline.reset(stats),
      collect: null,
    };
  }
}

/** What the other threads are told of the configuration beside updates. */
function sharedBy(first: FirstThread) {
  return {
    onRestored: first.restored,
    onUnused: (typeUrl: string, resources: readonly string[]) => first.letGo(typeUrl, resources),
  };
}
