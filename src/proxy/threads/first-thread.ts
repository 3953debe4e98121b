// What the first thread of a proxy has more than a proxy of one thread: counters in shared memory, one writer for the
// access logs, the other threads, and the figures of all.

import {
  type Clock,
  type Issue,
  type LogFields,
  type LogLevel,
  Timer,
  type TimerHandler,
} from '../../base/index.ts';
import type { OpenListener } from '../../net/index.ts';
import {
  createFileSink,
  Histogram,
  type LeveledLog,
  type LogSink,
  type LogThreshold,
  type StallMonitor,
} from '../../observe/index.ts';
import { SharedCounters, type SharedMemory, SharedQuiet } from '../../policy/index.ts';
import type { XdsResource } from '../../xds/index.ts';
import type { StallView } from '../admin/index.ts';
import type { ConfigSource, SourceSubscriber } from '../config/index.ts';
import type { DataPlane, DataPlaneOptions } from '../data-plane.ts';
import type { DrainCause, DrainOptions } from '../drain.ts';
import type { ProxyView } from '../stats/index.ts';
import { addCounts, countsOf } from './counts.ts';
import { distinct, Fleet } from './fleet.ts';
import { SharedSinks } from './log-sinks.ts';
import { mergeViews } from './merged-view.ts';
import type { ThreadPort } from './messages.ts';
import { Relay } from './relay.ts';

export interface ThreadsOptions {
  /** The same for all threads. */
  readonly memory: SharedMemory;
  /** One to each further thread. */
  readonly ports: readonly ThreadPort[];
}

export interface FirstThreadOptions extends ThreadsOptions {
  readonly clock: Clock;
  readonly log: LeveledLog;
  readonly createLogSink: ((path: string) => LogSink) | undefined;
}

export class FirstThread implements TimerHandler {
  /** For the data path of this thread. */
  readonly planeOptions: Pick<DataPlaneOptions, 'counters' | 'quietMs' | 'reusePort' | 'createLogSink'>;
  readonly log: LeveledLog;
  private readonly fleet: Fleet;
  private plane: DataPlane | null = null;
  private config: ConfigSource | null = null;
  /** Clusters that are to look when what runs now is done. */
  private readonly changed = new Set<string>();
  private readonly timer = new Timer(this, 0);

  constructor(options: FirstThreadOptions) {
    const { clock, log, memory, ports } = options;
    const sinks = new SharedSinks(options.createLogSink ?? createFileSink);
    const fleet = new Fleet({
      clock,
      log,
      ports,
      sinks,
      onLook: (cluster) => this.plane?.look(cluster),
      accepted: (typeUrl, name) => this.acceptedOf(typeUrl, name),
      onWanted: (typeUrl, wanted) => this.config?.want(typeUrl, wanted),
      wantedOf: (typeUrl, name) => this.config?.foundBy(typeUrl, name) ?? null,
    });
    this.fleet = fleet;
    const quiet = new SharedQuiet(memory, 0, ports.length + 1);
    const onChange = (cluster: string) => {
      fleet.tell({ kind: 'look', cluster });
      this.changed.add(cluster);
      clock.arm(this.timer, 0);
    };
    const onFull = () => log.write('error', 'no room for shared counters', { thread: 0 });
    this.planeOptions = {
      counters: new SharedCounters(memory, onChange, onFull, true),
      quietMs: (ownMs) => quiet.leastMs(ownMs),
      reusePort: true,
      createLogSink: (path) => sinks.open(path),
    };
    this.log = new LogOfAll(log, (level) => fleet.tell({ kind: 'level', level }));
  }

  /** What is made out of {@link planeOptions}. */
  attach(plane: DataPlane, config: ConfigSource): void {
    this.plane = plane;
    this.config = config;
  }

  /** Resources that the proxy does not hold any more. */
  letGo(typeUrl: string, resources: readonly string[]): void {
    this.fleet.tell({ kind: 'unused', typeUrl, resources });
  }

  private acceptedOf(typeUrl: string, name: string): XdsResource | null {
    return this.config?.tables.get(typeUrl)?.accepted.get(name)?.resource ?? null;
  }

  onTimer(): void {
    const changed = [...this.changed];
    this.changed.clear();
    for (const cluster of changed) this.plane?.look(cluster);
  }

  get threads(): number {
    return this.fleet.size + 1;
  }

  get listeners(): readonly OpenListener[] {
    return this.fleet.listeners;
  }

  /** In the place of `own`, for a client of the configuration source. */
  relay(own: SourceSubscriber, config: () => ConfigSource): Relay {
    return new Relay(own, config, this.fleet);
  }

  restored: Fleet['restore'] = (saved) => this.fleet.restore(saved);

  obstacles(own: readonly Issue[]): readonly Issue[] {
    return distinct([...own, ...this.fleet.obstacles]);
  }

  issues(own: readonly Issue[]): readonly Issue[] {
    return distinct([...own, ...this.fleet.issues]);
  }

  /** Brings the figures of the other threads up to now. */
  collect(): Promise<void> {
    return this.fleet.collect();
  }

  /** The proxy as a whole, as of the last {@link collect}. */
  view(own: DataPlane): ProxyView {
    return mergeViews(own, this.fleet.counts, this.issues(own.issues));
  }

  stalls(own: StallMonitor): StallView {
    const histogram = new Histogram(own.histogram.bounds);
    addCounts(histogram, countsOf(own.histogram));
    for (const { stalls } of this.fleet.counts) addCounts(histogram, stalls);
    return {
      histogram,
      maxMs: Math.max(own.maxMs, ...this.fleet.counts.map(({ stallMaxMs }) => stallMaxMs)),
    };
  }

  requests(own: DataPlane): readonly number[] {
    return [own.requests, ...this.fleet.counts.map(({ requests }) => requests)];
  }

  accessLogDropped(own: number): number {
    return this.fleet.counts.reduce((sum, { accessLogDropped }) => sum + accessLogDropped, own);
  }

  failHealth(failed: boolean): void {
    this.fleet.tell({ kind: 'health', failed });
  }

  drainListeners(options: DrainOptions): void {
    this.fleet.tell({ kind: 'drain-listeners', options });
  }

  drain(cause: DrainCause): Promise<void> {
    return this.fleet.drain(cause);
  }

  stop(): Promise<void> {
    return this.fleet.stop();
  }
}

/** The process log, whose level is that of all threads. */
class LogOfAll implements LeveledLog {
  private readonly log: LeveledLog;
  private readonly onLevel: (level: LogThreshold) => void;

  constructor(log: LeveledLog, onLevel: (level: LogThreshold) => void) {
    this.log = log;
    this.onLevel = onLevel;
  }

  get debugEnabled(): boolean {
    return this.log.debugEnabled;
  }

  get level(): LogThreshold {
    return this.log.level;
  }

  set level(level: LogThreshold) {
    this.log.level = level;
    this.onLevel(level);
  }

  write(level: LogLevel, message: string, fields?: LogFields): void {
    this.log.write(level, message, fields);
  }
}
