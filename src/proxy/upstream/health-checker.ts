// The active health checks of a cluster: a session for each endpoint, their counts, and the log of changes.

import type { MeshError } from '../../base/index.ts';
import { type ConnectOptions, formatAddress } from '../../net/index.ts';
import { type CheckResult, HealthJudge } from '../../policy/index.ts';
import type { Http1Limits } from '../../wire/http1/index.ts';
import type { ActiveHealthConfig } from '../config/health-types.ts';
import type { ProxyContext } from '../context.ts';
import { describeEvent, type HealthEvent } from '../event-logs.ts';
import type { HealthStats } from '../stats/index.ts';
import { FollowedCheck } from './followed-check.ts';
import type { CheckTarget } from './health-probe.ts';
import { type Checked, HealthSession, type SessionOwner } from './health-session.ts';

/** The cluster, as its checker sees it. */
export interface CheckerOwner<T extends CheckTarget> {
  readonly context: ProxyContext;
  readonly name: string;
  readonly codecLimits: Http1Limits;
  readonly stats: { readonly health: HealthStats; readonly connectionsTotal: number };
  connectOptions(target: T): ConnectOptions | MeshError;
  /** A check of it ended. `changed`: its health is not what it was. */
  onHealth(target: T, changed: boolean, passed: boolean): void;
}

export class HealthChecker<T extends CheckTarget> implements SessionOwner {
  readonly config: ActiveHealthConfig;
  private readonly owner: CheckerOwner<T>;
  private readonly before: HealthChecker<T> | null;
  private readonly sessions = new Map<T, HealthSession | FollowedCheck>();
  private marked = false;

  /** `before`: whose findings hold until there are new ones. */
  constructor(owner: CheckerOwner<T>, config: ActiveHealthConfig, before: HealthChecker<T> | null) {
    this.owner = owner;
    this.config = config;
    this.before = before;
  }

  get context(): ProxyContext {
    return this.owner.context;
  }

  get cluster(): string {
    return this.owner.name;
  }

  get codecLimits(): Http1Limits {
    return this.owner.codecLimits;
  }

  get used(): boolean {
    if (this.owner.stats.connectionsTotal > 0) return true;
    for (const { board } of this.sessions.values()) if (board?.used === true) return true;
    return false;
  }

  /** This thread connects to the cluster: who checks, checks more often from now on. */
  markUsed(): void {
    if (this.marked) return;
    this.marked = true;
    for (const { board } of this.sessions.values()) board?.markUsed();
  }

  /** Another thread found something, or wants an endpoint to be left out. */
  look(): void {
    for (const [target, session] of this.sessions) {
      if (session instanceof FollowedCheck) {
        if (session.look()) this.owner.onHealth(target, true, session.judge.healthy);
      } else if (session.board?.takeFailure() === true) this.onImmediateFailure(target);
    }
  }

  /** Every endpoint has had a result. */
  get complete(): boolean {
    for (const { judge } of this.sessions.values()) if (judge.pending) return false;
    return true;
  }

  /** These are checked from now on, and no others. */
  update(targets: readonly T[]): void {
    const left = new Map(this.sessions);
    for (const target of targets) {
      const session = left.get(target);
      if (session !== undefined && formatAddress(session.address) === formatAddress(target.checkAddress)) {
        left.delete(target);
        continue;
      }
      session?.stop();
      left.delete(target);
      const judge = session?.judge ?? this.before?.judgeOf(target) ?? new HealthJudge();
      this.sessions.set(target, this.createSession(target, judge));
    }
    for (const [target, session] of left) {
      session.stop();
      this.sessions.delete(target);
    }
  }

  private createSession(target: T, judge: HealthJudge): HealthSession | FollowedCheck {
    const name = `${target.key} ${formatAddress(target.checkAddress)}`;
    const board = this.context.counters.createCheck(this.cluster, name);
    if (board !== null && !board.leads) return new FollowedCheck(target, judge, board);
    return new HealthSession(this, target, judge, board);
  }

  stop(): void {
    for (const session of this.sessions.values()) session.stop();
    this.sessions.clear();
  }

  judgeOf(target: T): HealthSession['judge'] | null {
    return this.sessions.get(target)?.judge ?? null;
  }

  /** An answer to a request asked that its endpoint be left out (x-envoy-immediate-health-check-fail). */
  onImmediateFailure(target: T): void {
    const session = this.sessions.get(target);
    if (session === undefined) return;
    if (session instanceof FollowedCheck) {
      session.board.requestFailure();
      return;
    }
    const { health } = this.owner.stats;
    health.failures += 1;
    health.passiveFailures += 1;
    const changed = session.judge.onImmediateFailure() === 'changed';
    if (!changed) return;
    session.board?.post(session.judge);
    this.write(target, { kind: 'ejected', cause: 'PASSIVE', first: false, status: 0 });
    this.owner.onHealth(target, true, false);
  }

  connectOptions(target: CheckTarget): ConnectOptions | MeshError {
    return this.owner.connectOptions(target as T);
  }

  onCheckBegin(): void {
    this.owner.stats.health.attempts += 1;
  }

  onChecked(session: HealthSession, checked: Checked): void {
    const { result, transition } = checked;
    const target = session.target as T;
    const { health } = this.owner.stats;
    const passed = result === 'passed' || result === 'degraded';
    if (passed) health.successes += 1;
    else health.failures += 1;
    if (result === 'network' || result === 'timeout') health.networkFailures += 1;
    this.logCheck(session, checked);
    this.owner.onHealth(target, transition === 'changed', passed);
  }

  private logCheck({ judge, target }: HealthSession, checked: Checked): void {
    const { logFailures, logSuccesses, probe } = this.config;
    const { first, result, transition, wasDegraded } = checked;
    const cause = causes[result];
    if (cause === null) {
      const about = { cause, first, status: 0 };
      // What is degraded is told beside that it is well again.
      const added = transition === 'changed' && judge.degraded === wasDegraded;
      if (added || (first && judge.healthy)) this.write(target, { kind: 'added', ...about });
      if (judge.degraded !== wasDegraded)
        this.write(target, { kind: judge.degraded ? 'degraded' : 'undegraded', ...about });
      if (logSuccesses) this.write(target, { kind: 'passed', ...about });
      return;
    }
    const status = probe.kind === 'http' ? checked.status : 0;
    if (transition === 'changed' && !first && !judge.healthy)
      this.write(target, { kind: 'ejected', cause, first, status });
    if (first || logFailures) this.write(target, { kind: 'failed', cause, first, status });
  }

  private write(target: CheckTarget, event: HealthEvent): void {
    const { clock, eventLogs, log } = this.context;
    const { eventLog, probe } = this.config;
    if (event.kind !== 'passed' && event.kind !== 'failed')
      log.write('info', `endpoint ${event.kind} by its health checks`, {
        cluster: this.cluster,
        endpoint: target.key,
      });
    if (eventLog === '') return;
    eventLogs.open(eventLog).write(describeEvent(event, probe.kind, target, this.cluster, clock.wall()));
  }
}

/** Envoy's HealthCheckFailureType; null: none. */
const causes: Readonly<Record<CheckResult, HealthEvent['cause']>> = {
  passed: null,
  degraded: null,
  failed: 'ACTIVE',
  refused: 'ACTIVE',
  retriable: 'ACTIVE',
  network: 'NETWORK',
  timeout: 'NETWORK_TIMEOUT',
};
