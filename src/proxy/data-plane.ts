// The data path as a whole: takes configurations in, keeps listeners and clusters by name, and shows itself to admin
// and metrics. Applying a configuration never interrupts a request: routes are swapped by reference, what left the
// configuration runs out.

import type { Clock, Issue, Log, Random } from '../base/index.ts';
import { formatIssue, Timer, type TimerHandler } from '../base/index.ts';
import { formatAddress, type Network, type Resolver, type Store, type TlsClient } from '../net/index.ts';
import { createFileSink, type LogSink } from '../observe/index.ts';
import {
  type Counters,
  compileRoutes,
  localCounters,
  RetryFacts,
  RetryVerdict,
  type RouteConfig,
  type RouteTable,
  TraceNotes,
} from '../policy/index.ts';
import type { LogTarget } from './access-logger.ts';
import { AccessLogs } from './access-logs.ts';
import { createDemands, type Demands } from './config/index.ts';
import type { UpstreamTlsConfig } from './config/tls-types.ts';
import type { ListenerConfig, Snapshot, SnapshotTarget } from './config/types.ts';
import type { Machine } from './context.ts';
import { type DrainStrategy, RuntimeListener } from './downstream/index.ts';
import {
  type DrainCause,
  type DrainOptions,
  ListenerDrain,
  ProxyDrain,
  type QuietMs,
  strategyOf,
} from './drain.ts';
import { EventLogs } from './event-logs.ts';
import { type ExchangeContext, HttpDates } from './exchange/index.ts';
import { UserFilters } from './filters/index.ts';
import { proxyLimits } from './limits.ts';
import { LocalClusterWatch } from './local-cluster.ts';
import { type OverloadPlane, OverloadSwitches, resetLargest } from './overload/index.ts';
import { addressesOf, isSameListener, sameButEndpoints, tlsConfigsOf } from './snapshots.ts';
import type { ProxyView } from './stats/index.ts';
import { type CertificateTexts, TlsRuntime } from './tls/index.ts';
import { listTlsIssues, listTlsObstacles } from './tls-issues.ts';
import { ClusterTable } from './upstream/index.ts';

export type FindTlsClient = (tls: UpstreamTlsConfig) => TlsClient | null;

export interface DataPlaneOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly resolver: Resolver;
  readonly log: Log;
  /** Where files of certificates are read; null: there are none. */
  readonly store?: Store | null;
  /** `<namespace>/<service>` of the workload beside the proxy (x-weft-peer); '' by default: says nothing. */
  readonly peer?: string;
  /** Filters of the user's own; none by default. */
  readonly userFilters?: UserFilters;
  /** `node.cluster`; '' by default. */
  readonly serviceCluster?: string;
  readonly node?: { readonly id: string; readonly zone: string };
  /** The cluster of the workload beside the proxy, and where that runs; nothing by default. */
  readonly local?: { readonly cluster: string; readonly locality: string };
  /** Descriptors that the process may hold; no limit by default. */
  readonly openFilesMax?: number;
  /** How fast clients are sent away; at once by default. */
  readonly drainStrategy?: DrainStrategy | null;
  /** Accepted connections at once, where the configuration bounds them. */
  readonly connectionsMax?: number | null;
  /** Several threads share the listeners' ports. */
  readonly reusePort?: boolean;
  /** Where limits and budgets count, when several threads are one proxy; fields of this one by default. */
  readonly counters?: Counters;
  /** Default: a machine of which nothing is known. */
  readonly machine?: Machine;
  /** When nothing happens in any thread of the proxy, which draining waits for; this one alone by default. */
  readonly quietMs?: QuietMs;
  /** Virtual hosts and clusters that requests ask for; whoever configures the data path hears of them. */
  readonly demands?: Demands;
  /** Where access logs go; files by default. */
  readonly createLogSink?: (path: string) => LogSink;
}

export class DataPlane implements SnapshotTarget, ProxyView, OverloadPlane, TimerHandler {
  version = '';
  readonly clusters = new ClusterTable(() => this.context);
  readonly listeners = new Map<string, RuntimeListener>();
  readonly overload = new OverloadSwitches();
  private readonly context: ExchangeContext;
  private readonly options: DataPlaneOptions;
  private readonly tables = new Map<string, { readonly config: RouteConfig; readonly table: RouteTable }>();
  private readonly accessLogs: AccessLogs;
  private readonly listenerDrain: ListenerDrain;
  private readonly bindTimer = new Timer(this, 0);
  private routeIssues: readonly Issue[] = [];
  private bindIssues: readonly Issue[] = [];
  private proxyDrain: ProxyDrain | null = null;
  private suspended = false;
  private stopped = false;
  private applied: Snapshot | null = null;
  private readonly emptyTable: RouteTable;

  constructor(options: DataPlaneOptions) {
    const { clock, random, network, resolver, log, counters = localCounters } = options;
    this.options = options;
    this.context = {
      clock,
      random,
      network,
      resolver,
      log,
      tls: new TlsRuntime({ network, store: options.store ?? null, log }),
      eventLogs: new EventLogs(options.createLogSink ?? createFileSink),
      peer: options.peer ?? '',
      userFilters: options.userFilters ?? new UserFilters(),
      serviceCluster: options.serviceCluster ?? '',
      node: options.node ?? { id: '', zone: '' },
      local: watchLocal(options, this.clusters),
      clusters: this.clusters,
      retryFacts: new RetryFacts(),
      retryVerdict: new RetryVerdict(),
      retriedAbove: new TraceNotes(),
      retriedBelow: new TraceNotes(),
      counters,
      replay: counters.createGauge('replay bytes'),
      connectionIds: { last: 0 },
      machine: options.machine ?? unknownMachine,
      dates: new HttpDates(clock),
      health: { failed: false },
      accepted: {
        gauge: counters.createGauge('accepted connections'),
        max: Math.min(
          options.connectionsMax ?? Number.POSITIVE_INFINITY,
          acceptedMax(options.openFilesMax ?? Number.POSITIVE_INFINITY),
        ),
      },
      overload: this.overload,
      demands: options.demands ?? createDemands(clock),
    };
    this.accessLogs = new AccessLogs(this.context, options.createLogSink ?? createFileSink);
    this.listenerDrain = new ListenerDrain(clock, options.drainStrategy ?? 'gradual', () =>
      this.closeUnusedLogs(),
    );
    this.emptyTable = mustCompile({ name: '', virtualHosts: [] });
  }

  /** What connections under this configuration begin with; null while it has no certificates or trust. */
  readonly tlsClient: FindTlsClient = (tls) => this.context.tls.pin(tls).clientFor('');

  get draining(): boolean {
    return this.proxyDrain !== null;
  }

  get issues(): readonly Issue[] {
    const { tls, userFilters } = this.context;
    const ofTls = listTlsIssues(tls, this.listenerConfigs(), this.applied?.clusters.values() ?? []);
    return [...this.routeIssues, ...this.bindIssues, ...ofTls, ...userFilters.issues];
  }

  private *listenerConfigs(): Iterable<ListenerConfig> {
    for (const { config } of this.listeners.values()) yield config;
  }

  /**
   * What keeps listeners from serving: no address, no certificate that can be shown, no routes yet, so that every
   * request would be told 404, or endpoints of which nobody knows how they are.
   */
  get obstacles(): readonly Issue[] {
    const unrouted: Issue[] = [];
    for (const { name, config, routes } of this.listeners.values()) {
      if (routes !== this.emptyTable || config.tcp !== null) continue;
      unrouted.push({ object: name, field: 'routes', rule: 'have not come', value: config.routeConfig });
    }
    for (const { name, checked } of this.clusters.running())
      if (!checked)
        unrouted.push({ object: name, field: 'health_checks', rule: 'have not all run', value: '' });
    const unknown: Issue[] = [];
    for (const [object, names] of this.clusters.unresolved())
      for (const value of names)
        unknown.push({ object, field: 'load_assignment', rule: 'was not looked up yet', value });
    const configured = this.applied?.clusters.values() ?? [];
    const ofTls = listTlsObstacles(this.context.tls, this.listenerConfigs(), configured);
    return [...this.bindIssues, ...ofTls, ...unrouted, ...unknown];
  }

  get drainingListeners(): number {
    return [...this.listenerDrain.listeners].length;
  }

  get healthFailed(): boolean {
    return this.context.health.failed;
  }

  /** Every answer tells its client to come back elsewhere, and readiness says no, until it is undone. */
  failHealth(failed: boolean): void {
    if (failed !== this.context.health.failed)
      this.options.log.write('info', failed ? 'health checks fail' : 'health checks pass', { by: 'admin' });
    this.context.health.failed = failed;
  }

  /** Some of the listeners, or without closing them; what is left of them goes on until the proxy drains whole. */
  drainListeners({ graceful, inboundOnly, keepListening }: DrainOptions): void {
    const now = this.context.clock.now();
    const strategy = this.options.drainStrategy ?? strategyOf({ kind: 'asked', graceful });
    for (const listener of this.listeners.values()) {
      if (inboundOnly && listener.config.direction !== 'inbound') continue;
      listener.beginDrain(strategy);
      if (!keepListening) listener.retire();
      listener.closeQuiet(now);
    }
    this.options.log.write('info', 'listeners drain', { by: 'admin', inboundOnly, keepListening });
  }

  get requests(): number {
    let total = 0;
    for (const listener of this.listeners.values()) total += listener.stats.requests;
    return total;
  }

  /** Of clients, open now. */
  get connections(): number {
    let total = 0;
    for (const listener of this.listeners.values()) total += listener.stats.connectionsActive;
    return total;
  }

  /** Requests running. */
  get active(): number {
    let total = 0;
    for (const listener of this.listeners.values()) total += listener.stats.active;
    return total;
  }

  /** Access-log lines lost, all logs together. */
  get accessLogDropped(): number {
    return this.accessLogs.dropped;
  }

  /** PEM texts in use, for /certs. */
  certificates(): readonly CertificateTexts[] {
    return this.context.tls.certificates();
  }

  apply(snapshot: Snapshot): void {
    if (this.stopped) return;
    const endpointsOnly = this.applied !== null && sameButEndpoints(this.applied, snapshot);
    this.applied = snapshot;
    this.context.tls.setSecrets(snapshot.secrets);
    // Make before break: clusters, then the routes that name them, then what nobody names any more.
    this.clusters.apply(snapshot);
    this.applyListeners(snapshot);
    this.clusters.retain(snapshot);
    if (!endpointsOnly) this.context.tls.retain(tlsConfigsOf(snapshot));
    this.version = snapshot.version;
    // Endpoints come and go with every deployment of anybody: at info they would bury what somebody decided.
    this.options.log.write(endpointsOnly ? 'debug' : 'info', 'configuration applied', {
      version: snapshot.version,
      listeners: this.listeners.size,
      clusters: this.clusters.size,
      issues: this.issues.length,
    });
  }

  /**
   * An address that somebody else has is a refusal; one of our own listeners' is not, for it may be the one that is
   * replaced.
   */
  refusal(config: ListenerConfig): Issue | null {
    const issue = this.filterIssue(config);
    if (issue !== null || this.stopped || this.draining) return issue;
    const wanted = new Set(config.binding.addresses.map(({ address }) => formatAddress(address)));
    for (const listener of this.listeners.values())
      if (listener.address !== null && addressesOf(listener.config).some((address) => wanted.has(address)))
        return null;
    return new RuntimeListener(this.context, config, this.emptyTable, null, this.listeners).probe();
  }

  /** A filter of the user's own that is not loaded, or does not take what it is told. */
  private filterIssue({ http, name }: ListenerConfig): Issue | null {
    const chains = [http.filters, ...(http.upgradeFilters?.values() ?? [])];
    for (const { config, name: filter } of chains.flat()) {
      const rule = config.kind === 'user' ? this.context.userFilters.refusal(config) : null;
      if (rule !== null) return { object: name, field: `http_filters[${filter}]`, rule, value: '' };
    }
    return null;
  }

  /**
   * Resolves when nothing runs any more, or the listeners' drain time is over. Endpoints and routes still change
   * meanwhile, because egress goes on; listeners do not come or go. In a succession this
   * one stops accepting at once.
   */
  drain(cause: DrainCause = { kind: 'end' }): Promise<void> {
    if (this.stopped) return Promise.resolve();
    if (this.proxyDrain === null) this.proxyDrain = this.beginDrain(cause);
    else this.proxyDrain.tell(this.options.drainStrategy ?? strategyOf(cause), cause);
    return this.proxyDrain.done;
  }

  /** Ends everything at once: connections are reset, timers are gone. Resolves when the access logs are written. */
  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    const { clock } = this.context;
    clock.cancel(this.bindTimer);
    this.proxyDrain?.stop();
    this.listenerDrain.stop();
    for (const listener of this.listeners.values()) {
      listener.unbind();
      listener.resetConnections();
    }
    // Their last entries go over clusters.
    if (this.accessLogs.toServices) await this.accessLogs.closeServices();
    this.context.tls.stop();
    this.clusters.reset();
    this.context.eventLogs.close();
    await this.accessLogs.closeFiles();
  }

  /** Another thread of the proxy changed what the clusters of that name share. */
  look(cluster: string): void {
    this.clusters.look(cluster);
  }

  /** After a log rotation. */
  reopenLogs(): void {
    this.accessLogs.reopen();
    this.context.eventLogs.reopen();
    this.options.log.write('info', 'access logs reopened', { paths: this.accessLogs.paths.join(', ') });
  }

  onTimer(): void {
    this.bindListeners();
  }

  suspendListeners(suspended: boolean): void {
    for (const listener of this.listeners.values()) listener.suspend(suspended);
    this.suspended = suspended;
  }

  endIdle(nowMs: number, scale: (ms: number) => number): void {
    for (const { connections } of this.listeners.values())
      for (const connection of [...connections]) connection.endIdle(nowMs, scale);
  }

  resetLargest(value: number, minimumPowerOfTwo: number): void {
    const sessions = [...this.listeners.values()].flatMap(({ connections }) => [...connections]);
    const reset = resetLargest(sessions, value, minimumPowerOfTwo);
    if (reset > 0) this.options.log.write('warn', 'connections reset for their memory', { reset });
  }

  private beginDrain(cause: DrainCause): ProxyDrain {
    const { clock } = this.context;
    const { log } = this.options;
    clock.cancel(this.bindTimer);
    const startedMs = clock.now();
    const requests = this.requests;
    const drain = new ProxyDrain(
      clock,
      [...this.listeners.values()],
      this.options.drainStrategy ?? strategyOf(cause),
      cause,
      this.options.quietMs,
    );
    log.write('info', 'draining', { active: this.active, atMostMs: drain.atMostMs });
    void drain.done.then(() => {
      const tookMs = Math.round(clock.now() - startedMs);
      log.write('info', 'drained', {
        tookMs,
        served: this.requests - requests,
        cutConnections: drain.resets,
      });
    });
    return drain;
  }

  private applyListeners(snapshot: Snapshot): void {
    const issues: Issue[] = [];
    const used = new Set<string>();
    for (const [name, listener] of this.draining ? [] : this.listeners) {
      const config = snapshot.listeners.get(name);
      if (config !== undefined && isSameListener(listener.config, config)) continue;
      this.listeners.delete(name);
      this.listenerDrain.add(listener);
    }
    for (const [name, config] of snapshot.listeners) {
      used.add(config.routeConfig);
      const table = this.compile(snapshot.routeConfigs.get(config.routeConfig), config, issues);
      const filterIssue = this.filterIssue(config);
      if (filterIssue !== null) issues.push(filterIssue);
      const accessLogs = this.accessLogs.createLoggers(name, config.http.accessLogs, issues);
      const listener = this.listeners.get(name);
      if (listener !== undefined && isSameListener(listener.config, config))
        listener.update(config, table, accessLogs);
      else if (!this.draining)
        this.listeners.set(
          name,
          new RuntimeListener(this.context, config, table, accessLogs, this.listeners),
        );
      const { connectionLogs = [] } = config;
      this.listeners
        .get(name)
        ?.setConnectionLogs(this.accessLogs.createLoggers(name, connectionLogs, issues));
    }
    for (const name of this.tables.keys()) if (!used.has(name)) this.tables.delete(name);
    this.routeIssues = issues;
    if (!this.draining) this.bindListeners();
    this.closeUnusedLogs();
  }

  /** A log that no listener writes to any more, draining ones included, gives its descriptor back. */
  private closeUnusedLogs(): void {
    const used = new Set<LogTarget>();
    for (const { loggers } of [...this.listeners.values(), ...this.listenerDrain.listeners])
      for (const { log } of loggers) used.add(log);
    this.accessLogs.closeUnused(used);
  }

  /** The table of a route configuration. One that does not compile leaves its last good one in force. */
  private compile(config: RouteConfig | undefined, listener: ListenerConfig, issues: Issue[]): RouteTable {
    const last = this.tables.get(listener.routeConfig);
    if (config === undefined) return last?.table ?? this.emptyTable;
    if (last !== undefined && last.config === config) return last.table;
    const compiled = compileRoutes(config);
    if (!compiled.ok) {
      issues.push(...compiled.error);
      return last?.table ?? this.emptyTable;
    }
    this.tables.set(listener.routeConfig, { config, table: compiled.value });
    return compiled.value;
  }

  private bindListeners(): void {
    const issues: Issue[] = [];
    for (const listener of this.listeners.values()) {
      const issue = listener.bind(this.options.reusePort ?? false);
      if (issue !== null) issues.push(issue);
      else if (this.suspended) listener.suspend(true);
    }
    if (issues.length > 0) {
      // The same fault is logged once, not at every try.
      if (this.bindIssues.length === 0)
        for (const issue of issues)
          this.options.log.write('error', 'listener not bound', { issue: formatIssue(issue) });
      this.context.clock.arm(this.bindTimer, proxyLimits.bindRetryMs);
    }
    this.bindIssues = issues;
  }
}

function watchLocal({ local }: DataPlaneOptions, clusters: ClusterTable): LocalClusterWatch | null {
  return local === undefined ? null : new LocalClusterWatch(local.cluster, local.locality, clusters);
}
const unknownMachine: Machine = { hostName: '', environment: () => null };

/** Each request may need a connection of its own to an endpoint: half of the descriptors are kept for those. */
function acceptedMax(openFilesMax: number): number {
  const half = Math.floor((openFilesMax - proxyLimits.openFilesReserved) / 2);
  return Math.max(1, Math.min(proxyLimits.downstreamConnectionsMax, half));
}

function mustCompile(config: RouteConfig): RouteTable {
  const compiled = compileRoutes(config);
  if (!compiled.ok) throw new Error(`bug: ${compiled.error.map(formatIssue).join('; ')}`);
  return compiled.value;
}
