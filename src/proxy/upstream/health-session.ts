// The checks of one endpoint, one after another: waits, checks within its time, tells what came of it, waits again.

import type { MeshError } from '../../base/index.ts';
import { Timer, type TimerHandler } from '../../base/index.ts';
import type { ConnectOptions } from '../../net/index.ts';
import {
  type CheckBoard,
  type CheckResult,
  type HealthJudge,
  type HealthTransition,
  nextCheckMs,
} from '../../policy/index.ts';
import type { Http1Limits } from '../../wire/http1/index.ts';
import type { ActiveHealthConfig } from '../config/health-types.ts';
import type { ProxyContext } from '../context.ts';
import type { CheckTarget, Probe, ProbeOwner } from './health-probe.ts';
import { askGrpc, askHttp } from './health-questions.ts';
import { HttpProbe } from './http-probe.ts';
import { TcpProbe } from './tcp-probe.ts';

/** What came of a check. */
export interface Checked {
  readonly result: CheckResult;
  readonly transition: HealthTransition;
  /** The first of its endpoint. */
  readonly first: boolean;
  /** Of the answer over HTTP; 0: there was none. */
  readonly status: number;
  /** The endpoint was degraded before. */
  readonly wasDegraded: boolean;
}

/** The checker, as its sessions see it. */
export interface SessionOwner {
  readonly context: ProxyContext;
  readonly cluster: string;
  readonly codecLimits: Http1Limits;
  readonly config: ActiveHealthConfig;
  /** The cluster has had a connection. */
  readonly used: boolean;
  connectOptions(target: CheckTarget): ConnectOptions | MeshError;
  onCheckBegin(): void;
  onChecked(session: HealthSession, told: Checked): void;
}

const intervalTimer = 0;
const timeoutTimer = 1;

export class HealthSession implements ProbeOwner, TimerHandler {
  readonly judge: HealthJudge;
  readonly target: CheckTarget;
  readonly board: CheckBoard | null;
  /** The addresses that it checks, to see whether another session is due. */
  readonly address: CheckTarget['checkAddress'];
  private readonly owner: SessionOwner;
  private readonly probe: Probe;
  private readonly waiting = new Timer(this, intervalTimer);
  private readonly checking = new Timer(this, timeoutTimer);

  /** `board`: where the findings are for other threads; null: there are none. */
  constructor(owner: SessionOwner, target: CheckTarget, judge: HealthJudge, board: CheckBoard | null) {
    this.owner = owner;
    this.board = board;
    board?.post(judge);
    this.judge = judge;
    this.target = target;
    this.address = target.checkAddress;
    this.probe = createProbe(this);
    const { clock, random } = owner.context;
    clock.arm(this.waiting, random.float() * owner.config.timing.initialJitterMs);
  }

  get context(): ProxyContext {
    return this.owner.context;
  }

  get cluster(): string {
    return this.owner.cluster;
  }

  get codecLimits(): Http1Limits {
    return this.owner.codecLimits;
  }

  get config(): ActiveHealthConfig {
    return this.owner.config;
  }

  connectOptions(): ConnectOptions | MeshError {
    return this.owner.connectOptions(this.target);
  }

  stop(): void {
    const { clock } = this.context;
    clock.cancel(this.waiting);
    clock.cancel(this.checking);
    this.probe.close();
    this.board?.release();
  }

  onTimer(kind: number): void {
    if (kind === timeoutTimer) {
      this.probe.giveUp();
      this.onProbe('timeout', 0);
      return;
    }
    this.owner.onCheckBegin();
    // A check may end within its beginning: its time is set before.
    this.context.clock.arm(this.checking, this.config.timing.timeoutMs);
    this.probe.begin();
  }

  onProbe(result: CheckResult, status: number): void {
    const { clock, random } = this.context;
    const { timing } = this.config;
    clock.cancel(this.checking);
    const { degraded: wasDegraded, pending: first } = this.judge;
    const transition = this.judge.onResult(result, timing);
    this.board?.post(this.judge);
    const passed = result === 'passed' || result === 'degraded';
    clock.arm(this.waiting, nextCheckMs(passed, transition, this.owner.used, timing, random));
    this.owner.onChecked(this, { result, transition, first, status, wasDegraded });
  }
}

function createProbe(session: HealthSession): Probe {
  const { probe } = session.config;
  switch (probe.kind) {
    case 'http':
      return new HttpProbe(session, askHttp(probe));
    case 'grpc':
      return new HttpProbe(session, askGrpc(probe));
    case 'tcp':
      return new TcpProbe(session, probe);
  }
}
