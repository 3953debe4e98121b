// A cluster at run time: what belongs to it by name and survives configuration changes. Endpoints with their pools and
// latencies, limits, retry budget, ejections, counters. Decisions are policy's; this class feeds them and keeps the
// books.

import { type MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import { type ConnectOptions, formatAddress } from '../../net/index.ts';
import {
  type CircuitBreaker,
  type Detector,
  ErrorBudget,
  type Outcome,
  type OutlierConfig,
  type Selection,
  selectionDefaults,
} from '../../policy/index.ts';
import type { Http1Limits } from '../../wire/http1/index.ts';
import type { ClusterConfig, EndpointAssignment, EndpointConfig } from '../config/types.ts';
import type { ProxyContext } from '../context.ts';
import { proxyLimits } from '../limits.ts';
import { createReports, type EndpointReports, type ReportsOwner } from '../orca/index.ts';
import { ClusterStats } from '../stats/index.ts';
import { Chooser, type ChooserOwner, type EndpointRequest } from './chooser.ts';
import { codecLimits } from './codec-limits.ts';
import { Endpoint, type EndpointOwner } from './endpoint.ts';
import { isChecked, withoutDoubles } from './endpoint-sets.ts';
import { type CheckerOwner, HealthChecker } from './health-checker.ts';
import { Lane, sameValue } from './lane.ts';
import { type DestinationsOwner, OriginalDestinations } from './original-destinations.ts';
import { Redialer, type RedialOwner } from './redialer.ts';
import { type Counting, selectionRules } from './selection-rules.ts';
import { StaleEndpoints, type StaleOwner } from './stale-endpoints.ts';
import type { WantedHost } from './wanted-host.ts';

const sweepTimer = 0;
const readmitTimer = 1;
const outlierTimer = 2;

export class Cluster
  implements
    EndpointOwner,
    ChooserOwner,
    DestinationsOwner,
    CheckerOwner<Endpoint>,
    RedialOwner,
    StaleOwner,
    ReportsOwner,
    TimerHandler
{
  readonly name: string;
  readonly context: ProxyContext;
  readonly stats = new ClusterStats();
  config: ClusterConfig;
  /** For connections that begin now. */
  codecLimits: Http1Limits;
  /** For requests of default priority; those of high priority have a set of their own, made when one comes. */
  readonly lane: Lane;
  private highLane: Lane | null = null;
  endpoints: readonly Endpoint[] = [];
  endpointsReceivedAtMs = 0;
  /** The assignment in force, to be compared by identity. */
  assigned: EndpointAssignment | null = null;
  candidateCount = 0;
  private levels: Selection<Endpoint>['levels'] = [];
  panicking = false;
  /** Of its requests, those that are answered instead of it. */
  dropShare = 0;
  dropCategory = '';
  removed = false;
  /** An attempt waits for a slot under the connection limit. */
  private starving = false;
  /** How the health of the endpoints in force is counted. */
  private counting: Counting = selectionDefaults;
  private readonly chooser: Chooser;
  private outlier: Detector<Endpoint> | null;
  private checker: HealthChecker<Endpoint> | null;
  readonly redialer = new Redialer(this);
  private budget: ErrorBudget | null;
  destinations: OriginalDestinations | null;
  /** Of their load, by endpoints; null: nobody asks. */
  reports: EndpointReports | null;
  private readonly staleness = new StaleEndpoints(this);
  private readonly byKey = new Map<string, Endpoint>();
  private readonly sweeping = new Timer(this, sweepTimer);
  private readonly readmitting = new Timer(this, readmitTimer);
  private readonly judging = new Timer(this, outlierTimer);

  constructor(context: ProxyContext, config: ClusterConfig) {
    this.context = context;
    this.name = config.name;
    this.config = config;
    this.codecLimits = codecLimits(config);
    this.lane = new Lane(context, config.name, config);
    this.outlier = config.outlier === null ? null : this.createDetector(config.outlier);
    this.checker = config.health === null ? null : new HealthChecker(this, config.health, null);
    this.budget = this.createBudget();
    this.destinations = this.createDestinations();
    this.chooser = new Chooser(this);
    this.reports = createReports(this, null);
  }

  /** Puts a new configuration into force. Parts whose settings did not change keep their memory. */
  update(config: ClusterConfig): void {
    const before = this.config;
    this.config = config;
    this.codecLimits = codecLimits(config);
    this.lane.update(before, config);
    this.highLane?.update(before.high, config.high);
    if (!sameValue(before.objective, config.objective)) this.budget = this.createBudget();
    if (!sameValue(before.outlier, config.outlier)) {
      const old = this.outlier;
      this.outlier = config.outlier === null ? null : this.createDetector(config.outlier);
      this.outlier?.update(this.endpoints);
      old?.dispose();
      // Nobody would end their ejection.
      if (this.outlier === null) for (const endpoint of this.endpoints) endpoint.ejectedUntilMs = -1;
    }
    if (!sameValue(before.health, config.health)) {
      const old = this.checker;
      this.checker = config.health === null ? null : new HealthChecker(this, config.health, old);
      this.settleHealth();
      old?.stop();
    }
    if (!sameValue(before.originalDestination, config.originalDestination)) {
      this.destinations?.stop();
      this.leave(new Set(this.endpoints));
      this.destinations = this.createDestinations();
    }
    this.chooser.update(before);
    this.reports = createReports(this, this.reports);
    this.reselect();
  }

  /** Replaces the endpoint set. Addresses that stay keep connections and figures; those that left finish what runs. */
  assign(received: EndpointAssignment): void {
    const assignment = this.config.discovery === 'eds' ? this.staleness.watch(received) : received;
    this.endpointsReceivedAtMs = assignment.receivedAtMs;
    this.counting = assignment;
    ({ dropShare: this.dropShare = 0, dropCategory: this.dropCategory = '' } = assignment);
    const known = this.byKey.size;
    const next: Endpoint[] = [];
    const seen = new Set<Endpoint>();
    for (const config of withoutDoubles(assignment.endpoints)) {
      const endpoint = this.ensureEndpoint(config);
      next.push(endpoint);
      seen.add(endpoint);
    }
    let changed = this.byKey.size > known;
    for (const endpoint of this.endpoints) {
      if (seen.has(endpoint)) continue;
      if (this.staysWhileHealthy(endpoint)) {
        endpoint.leaving = true;
        next.push(endpoint);
        continue;
      }
      this.remove(endpoint);
      changed = true;
    }
    this.endpoints = next;
    this.settleHealth();
    if (changed) this.onMembershipChange();
    this.reselect();
  }

  onStale(): void {
    this.stats.staleAssignments += 1;
    if (this.assigned !== null) this.assign(this.assigned);
  }

  join(config: EndpointConfig): Endpoint {
    const endpoint = this.ensureEndpoint(config);
    this.endpoints = [...this.endpoints, endpoint];
    this.settleHealth();
    this.onMembershipChange();
    this.reselect();
    return endpoint;
  }

  leave(leaving: ReadonlySet<Endpoint>): void {
    this.endpoints = this.endpoints.filter((endpoint) => !leaving.has(endpoint));
    for (const endpoint of leaving) this.remove(endpoint);
    this.settleHealth();
    this.onMembershipChange();
    this.reselect();
  }

  pick(request: EndpointRequest): Endpoint | null {
    return this.chooser.pick(request);
  }

  /** For a request that asks for it by its address. */
  pickWanted(request: EndpointRequest, wanted: WantedHost): Endpoint | null {
    return this.chooser.pickWanted(request, wanted);
  }

  /** Endpoints are known by their addresses, but for one that stands for a name. */
  findAddress(address: string): Endpoint | undefined {
    const known = this.byKey.get(address);
    if (known !== undefined || this.config.names?.logical !== true) return known;
    return this.endpoints.find((endpoint) => formatAddress(endpoint.address) === address);
  }

  /** Somebody may be chosen who is none of these; who was just put aside is no candidate any more. */
  hasOther(tried: readonly Endpoint[]): boolean {
    const isOther = (one: Endpoint) => !tried.includes(one);
    return this.levels.some(({ candidates, loadPercent }) => loadPercent > 0 && candidates.some(isOther));
  }

  get breaker(): CircuitBreaker {
    return this.lane.breaker;
  }

  laneOf(high: boolean): Lane {
    if (!high) return this.lane;
    this.highLane ??= new Lane(this.context, `${this.name} high`, this.config.high);
    return this.highLane;
  }

  /** null: no request of that priority has come. */
  get high(): Lane | null {
    return this.highLane;
  }

  /** False while an endpoint waits for its first active check. */
  get checked(): boolean {
    return this.checker === null || this.checker.complete;
  }

  /** Requests are held against what the service promises. */
  get promises(): boolean {
    return this.budget !== null;
  }

  /** A request is over that is the service's to answer for. */
  onRequestEnd(failed: boolean, durationMs: number, nowMs: number): void {
    this.budget?.record(failed, durationMs, nowMs);
  }

  /** Before its counts are shown. */
  settleBudget(nowMs: number): void {
    this.budget?.advance(nowMs);
  }

  /** Answers may say of their endpoint that it is to be left out. */
  get checks(): boolean {
    return this.checker !== null;
  }

  connectOptions(endpoint: Endpoint): ConnectOptions | MeshError {
    const probe = this.config.health?.probe;
    return endpoint.checkOptions(probe?.kind === 'tcp' ? probe.proxyHeader : null);
  }

  onImmediateFailure(endpoint: Endpoint): void {
    this.checker?.onImmediateFailure(endpoint);
  }

  onHealth(endpoint: Endpoint, changed: boolean, passed: boolean): void {
    const nowMs = this.context.clock.now();
    if (passed && endpoint.healthy && this.outlier?.onCheckPassed(endpoint, nowMs) === true) this.reselect();
    if (!changed) return;
    if (endpoint.leaving && endpoint.health?.healthy === false) {
      this.remove(endpoint);
      this.endpoints = this.endpoints.filter((other) => other !== endpoint);
      this.onMembershipChange();
      this.checker?.update(this.endpoints.filter(isChecked));
    }
    this.settleHealth();
    if (this.config.closeOnChange) for (const other of this.endpoints) other.renew();
    this.reselect();
  }

  onAttemptStart(endpoint: Endpoint, nowMs: number): void {
    this.stats.attempts += 1;
    this.chooser.balancer.onStart(endpoint, nowMs);
    if (this.outlier !== null && !this.judging.armed) this.judge();
  }

  /** `rttMs`: from sending to the response head or to the failure. */
  onAttemptFinish(endpoint: Endpoint, nowMs: number, rttMs: number, outcome: Outcome): void {
    this.chooser.balancer.onFinish(endpoint, nowMs, rttMs, outcome);
    if (outcome === 'unreached') return;
    if (outcome === 'success') endpoint.attemptsSucceeded += 1;
    else endpoint.attemptsFailed += 1;
    if (this.outlier?.onOutcome(endpoint, outcome, nowMs)) {
      this.stats.ejections += 1;
      this.reselect();
    }
  }

  /** An attempt took too long and goes on; how it ends is told besides. */
  onAttemptSlow(endpoint: Endpoint, nowMs: number): void {
    if (!this.outlier?.onOutcome(endpoint, 'gateway', nowMs)) return;
    this.stats.ejections += 1;
    this.reselect();
  }

  /** The client left before the answer came. That is no failure, but it did take at least that long. */
  onAttemptCancelled(endpoint: Endpoint, nowMs: number, waitedMs: number): void {
    this.chooser.balancer.onFinish(endpoint, nowMs, Math.max(waitedMs, endpoint.costMs), 'success');
  }

  retryBudgetRemaining(nowMs: number): number {
    return this.lane.retriesLeft(nowMs);
  }

  /**
   * Keeps the sweep of idle connections running while there are any; its step follows their timeout, so that none
   * outlives it by much.
   */
  watch(): void {
    const { idleTimeoutMs } = this.config;
    this.checker?.markUsed();
    if (this.sweeping.armed) return;
    const stepMs = idleTimeoutMs > 0 ? idleTimeoutMs / proxyLimits.sweepsPerTimeout : proxyLimits.sweepMsMax;
    const { sweepMsMax, sweepMsMin } = proxyLimits;
    this.context.clock.arm(this.sweeping, Math.min(sweepMsMax, Math.max(sweepMsMin, stepMs)));
  }

  closeIdleElsewhere(except: Endpoint): boolean {
    for (const endpoint of this.endpoints) if (endpoint !== except && endpoint.closeOldestIdle()) return true;
    return false;
  }

  onStarving(): void {
    this.starving = true;
    this.breaker.awaitConnection();
    this.highLane?.breaker.awaitConnection();
  }

  /** Another thread of the proxy ejected or returned an endpoint, or freed a slot for a connection. */
  look(): void {
    this.outlier?.look();
    this.checker?.look();
    this.onConnectionSlot();
  }

  /** Nothing of it runs any more, and it will not be used again. */
  dispose(): void {
    this.lane.dispose();
    this.highLane?.dispose();
    this.outlier?.dispose();
  }

  onConnectionSlot(): void {
    if (!this.starving) return;
    this.starving = false;
    for (const endpoint of this.endpoints) endpoint.dialForWaiting();
  }

  /** The cluster left the configuration: requests that run finish, nothing else stays. */
  retire(): void {
    this.removed = true;
    this.checker?.stop();
    this.stopTimers();
    for (const endpoint of this.endpoints) endpoint.retire();
    this.chooser.dispose();
    this.byKey.clear();
  }

  reset(): void {
    this.stopTimers();
    this.checker?.stop();
    this.removed = true;
    for (const endpoint of this.endpoints) endpoint.reset();
  }

  onTimer(kind: number, nowMs: number): void {
    if (kind === sweepTimer) this.sweep(nowMs);
    else if (kind === outlierTimer) this.judgeEndpoints(nowMs);
    else if (this.outlier !== null && this.outlier.returnDue(nowMs).length > 0) this.reselect();
    else this.armReadmission(nowMs);
  }

  private sweep(nowMs: number): void {
    for (const endpoint of this.endpoints) endpoint.sweep(nowMs);
    if (this.stats.connectionsActive > 0) this.watch();
  }

  /** Where clients choose the addresses, nothing is chosen, and nobody may have us dial strangers. */
  maySpare(endpoint: Endpoint): boolean {
    return this.destinations === null && this.byKey.get(endpoint.key) === endpoint;
  }

  private createDetector(config: OutlierConfig): Detector<Endpoint> {
    const { counters, random } = this.context;
    const onOthers = () => this.reselect();
    return counters.createDetector<Endpoint>({
      name: this.name,
      config,
      counts: this.stats.outlier,
      random,
      onOthers,
    });
  }

  private judge(): void {
    const { outlier } = this.config;
    if (outlier !== null) this.context.clock.arm(this.judging, outlier.intervalMs);
  }

  private judgeEndpoints(nowMs: number): void {
    const changed = this.outlier?.sweep(this.endpoints, nowMs) ?? [];
    for (const endpoint of changed) if (endpoint.ejectedUntilMs > nowMs) this.stats.ejections += 1;
    if (changed.length > 0) this.reselect();
    if (this.stats.connectionsActive > 0 || this.stats.active > 0) this.judge();
  }

  private createDestinations(): OriginalDestinations | null {
    const { originalDestination } = this.config;
    return originalDestination === null ? null : new OriginalDestinations(this, originalDestination);
  }

  private createBudget(): ErrorBudget | null {
    const { objective } = this.config;
    return objective === null ? null : new ErrorBudget(objective, this.stats.objective);
  }

  /** Envoy's rule: what checks prove is believed more than a configuration that may be behind. */
  private staysWhileHealthy(endpoint: Endpoint): boolean {
    const dynamic = this.config.discovery !== 'static';
    return dynamic && this.config.health?.keepRemoved === true && endpoint.health?.healthy === true;
  }

  private remove(endpoint: Endpoint): void {
    this.byKey.delete(endpoint.key);
    this.redialer.forget(endpoint);
    endpoint.retire();
  }

  /** After a change of endpoints or of what checks found. */
  private settleHealth(): void {
    const { checker } = this;
    const { balance } = this.config;
    const slowly = 'slowStart' in balance && balance.slowStart !== undefined;
    const now = this.context.clock.now();
    // Where all are new, or the cluster was woken with them, nobody has warmed up more than the others.
    const alike = checker === null && !this.endpoints.some(({ serving }) => serving);
    checker?.update(this.endpoints.filter(isChecked));
    for (const endpoint of this.endpoints) {
      const before = endpoint.serving;
      endpoint.settleHealth(checker?.judgeOf(endpoint) ?? null, checker?.config.excludeNew ?? false);
      endpoint.serving = endpoint.healthy;
      if (endpoint.healthy && !before && !alike && slowly) endpoint.warmFromMs = now;
    }
  }

  private onMembershipChange(): void {
    this.stats.membershipChanges += 1;
    if (this.config.closeOnChange) for (const endpoint of this.endpoints) endpoint.renew();
  }

  /** Who may be chosen, after a change of endpoints, health, ejections, or of the local cluster. */
  reselect(): void {
    const now = this.context.clock.now();
    this.outlier?.update(this.endpoints);
    const { local } = this.context;
    if (local?.name === this.name) local.update(this.endpoints, now);
    if (this.config.closesSick === true) this.endSick(now);
    const rules = selectionRules(this.context, this.config, this.counting, this.stats.balance);
    const selection = this.chooser.select(this.endpoints, rules, now);
    this.levels = selection.levels;
    this.panicking = selection.panic;
    this.candidateCount = selection.levels.reduce(
      (count, level) => count + (level.loadPercent > 0 ? level.candidates.length : 0),
      0,
    );
    this.armReadmission(now);
  }

  /** What Envoy calls close_connections_on_host_health_failure. */
  private endSick(nowMs: number): void {
    for (const { ejectedUntilMs, healthy, tunnels } of this.endpoints)
      if (!healthy || ejectedUntilMs > nowMs) for (const tunnel of [...(tunnels ?? [])]) tunnel.endSick();
  }

  private armReadmission(nowMs: number): void {
    const next = this.outlier?.nextReturnMs() ?? -1;
    if (next >= 0 && !this.removed) this.context.clock.arm(this.readmitting, Math.max(0, next - nowMs));
  }

  private ensureEndpoint(config: EndpointConfig): Endpoint {
    const created = new Endpoint(this, config);
    const existing = this.byKey.get(created.key);
    if (existing !== undefined) {
      existing.update(config);
      return existing;
    }
    this.byKey.set(created.key, created);
    return created;
  }

  private stopTimers(): void {
    this.staleness.stop();
    this.reports?.stop();
    this.redialer.stop();
    this.destinations?.stop();
    for (const timer of [this.sweeping, this.judging, this.readmitting]) this.context.clock.cancel(timer);
  }
}
