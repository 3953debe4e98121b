// Whether requests may come, and if not, why. Ready means serving: the configuration is known, and every listener that
// it wants at the start, by file or by ADS, is bound and has routes. Once that was so, a listener that a later
// configuration adds in vain is a fault of that configuration (refused, shown among the issues), not a reason to take
// the whole proxy out of its load balancer.

import { type Clock, formatIssue, type Issue, type Log, Timer, type TimerHandler } from '../base/index.ts';
import { proxyLimits } from './limits.ts';

/** Envoy's words (admin/v3/server_info.proto). */
export type ReadyState = 'PRE_INITIALIZING' | 'INITIALIZING' | 'LIVE' | 'DRAINING';

export interface ReadinessView {
  readonly state: ReadyState;
  /** One line each; empty while LIVE. */
  readonly reasons: readonly string[];
}

export interface ReadinessOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly config: {
    readonly ready: boolean;
    /** Listeners of the control plane that could not be taken. */
    readonly refusedListeners: readonly Issue[];
    readonly warmingNames: { readonly listeners: readonly string[]; readonly clusters: readonly string[] };
  };
  readonly plane: ReadinessPlane;
}

export interface ReadinessPlane {
  readonly draining: boolean;
  readonly healthFailed: boolean;
  /** What keeps listeners from serving. */
  readonly obstacles: readonly Issue[];
}

export class Readiness implements ReadinessView, TimerHandler {
  private readonly options: ReadinessOptions;
  private readonly timer = new Timer(this, 0);
  private startedMs = 0;
  private served = false;
  private toldReasons = '';

  constructor(options: ReadinessOptions) {
    this.options = options;
  }

  /** Whoever is first to see that it serves notes it. */
  get state(): ReadyState {
    const state = this.judge();
    if (state === 'LIVE' && !this.served) this.noteServing();
    return state;
  }

  private judge(): ReadyState {
    const { config, plane } = this.options;
    if (plane.draining || plane.healthFailed) return 'DRAINING';
    if (this.served) return 'LIVE';
    if (!config.ready) return 'PRE_INITIALIZING';
    return this.obstacles.length > 0 ? 'INITIALIZING' : 'LIVE';
  }

  private get obstacles(): readonly Issue[] {
    const { config, plane } = this.options;
    return [...config.refusedListeners, ...plane.obstacles];
  }

  get reasons(): readonly string[] {
    const { state } = this;
    if (state === 'LIVE') return [];
    const { plane } = this.options;
    if (state === 'INITIALIZING') return this.obstacles.map(formatIssue);
    if (state === 'PRE_INITIALIZING') return [this.waitsFor()];
    return [plane.draining ? 'draining' : 'health checks are made to fail (/healthcheck/ok undoes it)'];
  }

  start(): void {
    this.startedMs = this.options.clock.now();
    this.onTimer();
  }

  stop(): void {
    this.options.clock.cancel(this.timer);
  }

  /** Looks until it serves for the first time, so that this is known and told even where nobody asks. */
  onTimer(): void {
    const { state } = this;
    if (state === 'DRAINING' || state === 'LIVE') return;
    if (state === 'INITIALIZING') this.tellReasons();
    this.options.clock.arm(this.timer, proxyLimits.readinessCheckMs);
  }

  private noteServing(): void {
    const { clock, log } = this.options;
    this.served = true;
    clock.cancel(this.timer);
    log.write('info', 'serving', { afterMs: Math.round(clock.now() - this.startedMs) });
  }

  private waitsFor(): string {
    const { listeners, clusters } = this.options.config.warmingNames;
    const names = [
      ...listeners.map((name) => `listener ${name}`),
      ...clusters.map((name) => `cluster ${name}`),
    ];
    if (names.length === 0) return 'the control plane has not answered yet';
    const more = names.length - proxyLimits.reasonsNamedMax;
    const named = names.slice(0, proxyLimits.reasonsNamedMax).join(', ');
    return `waiting for what belongs to ${named}${more > 0 ? ` and ${more} more` : ''}`;
  }

  private tellReasons(): void {
    const reasons = this.reasons.join('; ');
    if (reasons === this.toldReasons) return;
    this.toldReasons = reasons;
    this.options.log.write('warn', 'not serving', { reasons });
  }
}
