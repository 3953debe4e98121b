// Acts before the proxy runs out of memory, descriptors or time: reads the pressures every so often, decides what is
// done at them (policy/overload), and does it. Everything is undone by itself when the pressure falls.

import { type Clock, type Log, Timer, type TimerHandler } from '../../base/index.ts';
import type { Store, SystemReadings } from '../../net/index.ts';
import {
  decideOverload,
  type LoadShedPoint,
  type OverloadAction,
  scaleTime,
  type Triggered,
} from '../../policy/index.ts';
import type {
  MonitorConfig,
  OverloadActionSettings,
  OverloadConfig,
  ScaledTimer,
} from '../config/overload-types.ts';
import type { OverloadSwitches } from './switches.ts';

/** The data path, as far as it can be relieved. */
export interface OverloadPlane {
  readonly overload: OverloadSwitches;
  /** Of clients, open now. */
  readonly connections: number;
  /** Leaves new connections to the kernel's queue, or takes them up again. */
  suspendListeners(suspended: boolean): void;
  /** Ends connections that are idle for longer than their timeout, as `scale` makes it. */
  endIdle(nowMs: number, scale: (ms: number) => number): void;
  /** Resets the connections that hold most; `value` says how far down. */
  resetLargest(value: number, minimumPowerOfTwo: number): void;
}

export interface OverloadManagerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  readonly config: OverloadConfig;
  readonly plane: OverloadPlane;
  /** Null where there is no process, as in the simulator: such monitors have no figure. */
  readonly readings: SystemReadings | null;
  /** How late the event loop was lately, in ms. */
  readonly lagMs: () => number;
}

export interface OverloadView {
  readonly monitors: readonly {
    readonly name: string;
    readonly pressure: number;
    /** Looks that found no figure, and those that the one before was still under way for. */
    readonly failedUpdates: number;
    readonly skippedUpdates: number;
  }[];
  readonly actions: readonly { readonly action: OverloadAction; readonly value: number }[];
  /** The share of work that is let go of at each. */
  readonly shedPoints: readonly { readonly point: LoadShedPoint; readonly value: number }[];
}

class Monitor {
  pressure = 0;
  failedUpdates = 0;
  skippedUpdates = 0;
  reading = false;
  readonly config: MonitorConfig;
  constructor(config: MonitorConfig) {
    this.config = config;
  }
  get name(): string {
    return this.config.name;
  }
}

/** Envoy releases memory this often while asked to. */
const shrinkEveryMs = 10_000;

export class OverloadManager implements TimerHandler, OverloadView {
  readonly monitors: readonly Monitor[];
  readonly actions: { readonly action: OverloadAction; value: number }[];
  readonly shedPoints: { readonly point: LoadShedPoint; value: number }[];
  private readonly options: OverloadManagerOptions;
  private readonly timer = new Timer(this, 0);
  private readonly pressures = new Map<string, number>();
  private shrunkMs = Number.NEGATIVE_INFINITY;
  private suspended = false;
  private stopped = false;

  constructor(options: OverloadManagerOptions) {
    const { monitors, actions, shedPoints } = options.config;
    this.options = options;
    this.monitors = monitors.map((config) => new Monitor(config));
    this.actions = actions.map(({ action }) => ({ action, value: 0 }));
    this.shedPoints = shedPoints.map(({ point }) => ({ point, value: 0 }));
  }

  start(): void {
    if (this.monitors.length > 0) this.onTimer();
  }

  stop(): void {
    this.stopped = true;
    this.options.clock.cancel(this.timer);
  }

  onTimer(): void {
    for (const monitor of this.monitors) this.read(monitor);
    this.act();
    const { clock, config, plane } = this.options;
    const everyMs = plane.connections === 0 ? config.restMs : config.refreshMs;
    // On multiples of it, so that an idle process wakes up once for all that looks every so often.
    clock.arm(this.timer, everyMs - (clock.now() % everyMs));
  }

  private read(monitor: Monitor): void {
    const { config } = monitor;
    if (config.kind === 'injected') void this.readInjected(monitor, config.path);
    else this.take(monitor, this.pressureOf(config));
  }

  /** Null: the system does not say. */
  private pressureOf(config: Exclude<MonitorConfig, { kind: 'injected' }>): number | null {
    const { readings, lagMs } = this.options;
    switch (config.kind) {
      case 'loop-lag':
        return lagMs() / config.lagMs;
      case 'fixed-heap':
        return readings === null ? null : readings.residentBytes() / config.bytesMax;
      case 'cgroup-memory': {
        const memory = readings?.cgroupMemory() ?? null;
        return memory === null ? null : memory.usedBytes / Math.min(memory.limitBytes, config.bytesMax);
      }
      case 'descriptors': {
        const files = readings?.openFiles() ?? null;
        return files === null ? null : files.open / files.max;
      }
    }
  }

  private async readInjected(monitor: Monitor, path: string): Promise<void> {
    if (monitor.reading) {
      monitor.skippedUpdates += 1;
      return;
    }
    monitor.reading = true;
    const bytes = await this.options.store.read(path).catch(() => null);
    monitor.reading = false;
    if (this.stopped) return;
    const text = bytes === null ? '' : Buffer.from(bytes).toString('utf8').trim();
    const pressure = text === '' ? Number.NaN : Number(text);
    if (!(pressure >= 0 && pressure <= 1)) monitor.failedUpdates += 1;
    else if (pressure !== monitor.pressure) {
      this.take(monitor, pressure);
      this.act();
    }
  }

  private take(monitor: Monitor, pressure: number | null): void {
    monitor.pressure = pressure ?? 0;
    this.pressures.set(monitor.name, monitor.pressure);
  }

  private act(): void {
    for (const [index, settings] of this.options.config.actions.entries()) {
      const action = this.actions[index];
      if (action === undefined) continue;
      const value = decideOverload(settings, this.pressures);
      this.tell(`envoy.overload_actions.${settings.action}`, settings, action.value, value);
      action.value = value;
      this.apply(settings, value);
    }
    this.shed();
  }

  /** Two ways to the same end are one: what either lets go of. */
  private shed(): void {
    const { config, plane } = this.options;
    for (const [index, settings] of config.shedPoints.entries()) {
      const point = this.shedPoints[index];
      if (point === undefined) continue;
      const value = decideOverload(settings, this.pressures);
      this.tell(`envoy.load_shed_points.${settings.point}`, settings, point.value, value);
      point.value = value;
    }
    const { overload } = plane;
    overload.abortHttp1 = this.valueAt('http1_server_abort_dispatch');
    overload.goAwayHttp2 = this.valueAt('http2_server_go_away_on_dispatch');
    overload.goAwayAndClose = this.valueAt('http2_server_go_away_and_close_on_dispatch');
    overload.rejectConnections = either(
      this.valueOf('reject_incoming_connections'),
      this.valueAt('tcp_listener_accept'),
    );
    overload.refuseRequests = either(
      this.valueOf('stop_accepting_requests'),
      this.valueAt('http_connection_manager_decode_headers'),
    );
  }

  private valueOf(name: OverloadAction): number {
    return this.actions.find(({ action }) => action === name)?.value ?? 0;
  }

  private valueAt(name: LoadShedPoint): number {
    return this.shedPoints.find(({ point }) => point === name)?.value ?? 0;
  }

  private apply(settings: OverloadActionSettings, value: number): void {
    const { clock, config, plane, readings } = this.options;
    const now = clock.now();
    switch (settings.action) {
      case 'shrink_heap':
        if (value < 1 || now - this.shrunkMs < shrinkEveryMs) return;
        this.shrunkMs = now;
        readings?.releaseMemory();
        return;
      case 'reduce_timeouts':
        this.reduceTimeouts(settings.timers, value, now);
        return;
      case 'disable_http_keepalive':
        plane.overload.endKeepAlive = value;
        return;
      case 'stop_accepting_connections':
        if (value >= 1 === this.suspended) return;
        this.suspended = value >= 1;
        plane.suspendListeners(this.suspended);
        return;
      case 'reset_high_memory_stream':
        if (value > 0 && config.trackedPowerOfTwo !== null)
          plane.resetLargest(value, config.trackedPowerOfTwo);
        return;
      // Together with the points that do the same: shed().
      case 'reject_incoming_connections':
      case 'stop_accepting_requests':
    }
  }

  private reduceTimeouts(timers: readonly ScaledTimer[], value: number, nowMs: number): void {
    const { plane } = this.options;
    for (const { timer, min } of timers) {
      const scale = (ms: number) => scaleTime(ms, 'ms' in min ? min.ms : min.share * ms, value);
      if (timer === 'transport-socket-connect') plane.overload.scaleHandshake = value === 0 ? null : scale;
      else if (value > 0) plane.endIdle(nowMs, scale);
    }
  }

  /** Its beginning and its end, not every step. */
  private tell(action: string, { triggers }: Triggered, before: number, value: number): void {
    if (before > 0 === value > 0) return;
    const pressures = triggers.map(
      ({ monitor }) => `${monitor}=${(this.pressures.get(monitor) ?? 0).toFixed(2)}`,
    );
    this.options.log.write(value > 0 ? 'warn' : 'info', value > 0 ? 'overloaded' : 'overload is over', {
      action,
      pressures: pressures.join(' '),
    });
  }
}

/** The share of what one of two chances hits. */
function either(first: number, second: number): number {
  return first + second - first * second;
}
