// A further thread of a proxy: a data path of its own, over the configuration that the first thread hands on. It has no
// control plane, no disk, no admin interface, and holds connections for what it serves alone.

import { type Issue, silentLog, Timer, type TimerHandler } from '../../base/index.ts';
import type { OpenListener, SystemReadings } from '../../net/index.ts';
import { type LeveledLog, StallMonitor } from '../../observe/index.ts';
import { SharedCounters, type SharedMemory, SharedQuiet } from '../../policy/index.ts';
import { type AdsClientStatus, typeUrls, virtualHostType, type XdsUpdate } from '../../xds/index.ts';
import { composePlane, type PlaneOptions } from '../compose-plane.ts';
import { ConfigSource, createDemands, type Wanted } from '../config/index.ts';
import type { DataPlane } from '../data-plane.ts';
import { OverloadManager } from '../overload/index.ts';
import { collectCounts, noCounts, type ThreadCounts } from './collect.ts';
import { countsOf } from './counts.ts';
import { RemoteSinks } from './log-sinks.ts';
import type { FromThread, Port, ToThread } from './messages.ts';

export interface ThreadOptions extends PlaneOptions {
  readonly log: LeveledLog;
  readonly drainTimeoutMs: number | null;
  readonly readings?: SystemReadings | null;
  readonly memory: SharedMemory;
  readonly port: Port<FromThread, ToThread>;
  /** From 1 on: the first thread is 0. */
  readonly thread: number;
  readonly threads: number;
  readonly listOpenListeners: () => readonly OpenListener[];
}

/** What keeps it from serving is looked at this often, while there is anything. */
const obstaclesMs = 100;

const timerKind = { obstacles: 0, slice: 1 } as const;

export function startThread(options: ThreadOptions): void {
  new ProxyThread(options).start();
}

class ProxyThread implements TimerHandler {
  private readonly options: ThreadOptions;
  private readonly plane: DataPlane;
  private readonly config: ConfigSource;
  private readonly stalls: StallMonitor;
  private readonly overload: OverloadManager;
  private readonly sinks: RemoteSinks;
  private readonly obstacles = new Timer(this, timerKind.obstacles);
  private readonly sliceTimer = new Timer(this, timerKind.slice);
  private collecting: { readonly id: number; readonly slices: Iterator<ThreadCounts, void> } | null = null;

  constructor(options: ThreadOptions) {
    const { clock, log, memory, port, thread, threads, bootstrap, store } = options;
    this.options = options;
    this.sinks = new RemoteSinks((path, bytes) => port.post({ kind: 'write', path, bytes }));
    const quiet = new SharedQuiet(memory, thread, threads);
    // It comes back from the first thread to all, this one too, when what runs now is done.
    const onChange = (cluster: string) => port.post({ kind: 'look', cluster });
    const onFull = () => log.write('error', 'no room for shared counters', { thread });
    const demands = createDemands(clock);
    this.plane = composePlane(options, {
      demands,
      counters: new SharedCounters(memory, onChange, onFull, false),
      quietMs: (ownMs) => quiet.leastMs(ownMs),
      reusePort: true,
      createLogSink: (path) => this.sinks.open(path),
    });
    this.config = new ConfigSource({
      clock,
      // The first thread says the same of the same resources.
      log: silentLog,
      store,
      demands,
      onWanted: (typeUrl, wanted) => port.post({ kind: 'wanted', typeUrl, wanted }),
      stateDir: null,
      bootstrap,
      drainTimeoutMs: options.drainTimeoutMs,
      // It was asked before: an address that one thread has is not one that another can try.
      target: { apply: (snapshot) => this.plane.apply(snapshot), refusal: () => null },
      createClient: () => ({
        subscribe: (typeUrl, names) => {
          if (names !== '*' && !askedOtherwise.has(typeUrl)) port.post({ kind: 'subscribe', typeUrl, names });
        },
        start() {},
        stop() {},
        status: () => handedOn,
      }),
    });
    this.stalls = new StallMonitor(clock, this.plane);
    this.overload = new OverloadManager({
      clock,
      log,
      store,
      config: bootstrap.overload,
      plane: this.plane,
      readings: options.readings ?? null,
      lagMs: () => this.stalls.lagMs,
    });
  }

  start(): void {
    this.options.port.listen((message) => this.receive(message));
    this.stalls.start();
    this.config.start();
    this.overload.start();
    this.tellState();
  }

  onTimer(kind: number): void {
    if (kind === timerKind.slice) this.sendSlice();
    else this.tellState();
  }

  private receive(message: ToThread): void {
    switch (message.kind) {
      case 'update':
        this.update(message.id, message.update, message.wanted);
        break;
      case 'connection':
        this.config.onConnection(message.connected, null);
        break;
      case 'restore':
        this.config.restoreFrom(message.saved);
        this.tellState();
        this.options.port.post({ kind: 'applied', id: message.id, issues: [] });
        break;
      case 'look':
        this.plane.look(message.cluster);
        break;
      case 'unused':
        this.config.forget(message.typeUrl, message.resources);
        break;
      case 'health':
        this.plane.failHealth(message.failed);
        break;
      case 'drain-listeners':
        this.plane.drainListeners(message.options);
        break;
      case 'level':
        this.options.log.level = message.level;
        break;
      case 'collect':
        this.collect(message.id);
        break;
      case 'written':
        this.sinks.onWritten(message.path, message.error);
        break;
      case 'drain':
        void this.plane.drain(message.cause).then(() => this.options.port.post({ kind: 'drained' }));
        break;
      case 'stop':
        void this.stop();
    }
  }

  private update(id: number, update: XdsUpdate, wanted: readonly Wanted[]): void {
    // So that this thread, too, says as long as it uses them.
    this.config.want(update.typeUrl, wanted);
    const refused = this.config.onUpdate(update);
    // A listener that this thread cannot bind serves less than was asked for, which is no ACK.
    const names = new Set(update.changed.map(({ name }) => name));
    const unbound = this.plane.issues.filter((issue) => issue.field === 'address' && names.has(issue.object));
    this.tellState();
    if (id !== 0) this.options.port.post({ kind: 'applied', id, issues: [...refused, ...unbound] });
  }

  private tellState(): void {
    const { port, clock, listOpenListeners } = this.options;
    const obstacles: readonly Issue[] = this.plane.obstacles;
    const listeners = listOpenListeners().map(({ address, descriptor }) => ({ address, descriptor }));
    port.post({ kind: 'state', state: { obstacles, issues: this.plane.issues, listeners } });
    if (obstacles.length > 0) clock.arm(this.obstacles, obstaclesMs);
  }

  private collect(id: number): void {
    const own = {
      accessLogDropped: this.plane.accessLogDropped,
      stalls: countsOf(this.stalls.histogram),
      stallMaxMs: this.stalls.maxMs,
    };
    this.collecting = { id, slices: collectCounts(this.plane, this.options.clock.now(), own) };
    this.sendSlice();
  }

  /** One now, the next one after whatever else waits for its turn. */
  private sendSlice(): void {
    const { port, clock } = this.options;
    if (this.collecting === null) return;
    const { id, slices } = this.collecting;
    const next = slices.next();
    if (next.done !== true) {
      port.post({ kind: 'counts', id, counts: next.value, last: false });
      clock.arm(this.sliceTimer, 0);
      return;
    }
    this.collecting = null;
    port.post({ kind: 'counts', id, counts: noCounts, last: true });
  }

  private async stop(): Promise<void> {
    const { clock, port } = this.options;
    for (const timer of [this.obstacles, this.sliceTimer]) clock.cancel(timer);
    this.stalls.stop();
    this.overload.stop();
    await this.config.stop();
    await this.plane.stop();
    port.post({ kind: 'stopped' });
  }
}

/** What requests ask for is told by itself. */
const askedOtherwise: ReadonlySet<string> = new Set([virtualHostType, typeUrls.cluster]);

/** What the first thread hands on is all there is to wait for. */
const handedOn: AdsClientStatus = {
  state: 'connected',
  attempts: 0,
  connectedMs: 0,
  lastError: '',
  types: [...Object.values(typeUrls), virtualHostType].map((typeUrl) => ({
    typeUrl,
    subscribed: '*',
    known: 0,
    missing: 0,
    version: 'handed on',
    nonce: '',
    nack: null,
    ageMs: 0,
  })),
};
