// Tells a management server how requests went (cluster_manager.load_stats_config, LRS): the server says of which
// clusters and how often, and is told until it says otherwise. What it does not take in time is told with the next.
//
// States: closed -> open (asked, or by what was asked before, reporting) -> waiting (the stream ended) -> open.

import {
  type Clock,
  type Log,
  MeshError,
  type Random,
  reconnectDelayMs,
  Timer,
  type TimerHandler,
} from '../../base/index.ts';
import {
  type AdsStream,
  type AdsStreamHandler,
  type AdsTransport,
  WireError,
  type XdsNode,
} from '../../xds/index.ts';
import type { ProxyView } from '../stats/index.ts';
import { loadReportLimits } from './limits.ts';
import { type AskedLoads, encodeLoadReport, parseAskedLoads } from './load-stats.ts';
import { TrackedLoads } from './tracked-loads.ts';

export interface LoadReporterOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly node: XdsNode;
  /** To the server's LoadReportingService. */
  readonly transport: AdsTransport;
  /** As of the last `collect`. */
  readonly view: () => ProxyView;
  /** Brings the figures of all threads up to now; null: they are. */
  readonly collect: (() => Promise<void>) | null;
}

const reportTimer = 0;
const openTimer = 1;

export class LoadReporter implements AdsStreamHandler, TimerHandler {
  private readonly options: LoadReporterOptions;
  private readonly node: XdsNode;
  private readonly loads = new TrackedLoads();
  private readonly reporting = new Timer(this, reportTimer);
  private readonly opening = new Timer(this, openTimer);
  private stream: AdsStream | null = null;
  /** Null: the server has never said anything. */
  private asked: AskedLoads | null = null;
  private writable = true;
  private attempt = 0;

  constructor(options: LoadReporterOptions) {
    this.options = options;
    const { node } = options;
    const clientFeatures = [...node.clientFeatures, 'envoy.lrs.supports_send_all_clusters'];
    this.node = { ...node, clientFeatures };
  }

  start(): void {
    this.writable = true;
    this.stream = this.options.transport.open('sotw', this);
    this.report();
  }

  stop(): void {
    const { clock, transport } = this.options;
    clock.cancel(this.reporting);
    clock.cancel(this.opening);
    const { stream } = this;
    this.stream = null;
    stream?.close(null);
    transport.close();
  }

  onTimer(kind: number): void {
    if (kind === openTimer) this.start();
    else this.report();
  }

  onMessage(message: Uint8Array): void {
    try {
      this.asked = parseAskedLoads(message);
      this.attempt = 0;
      this.withFigures(() => this.begin(this.options.view()));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.fail(`the LoadStatsResponse ${error.message}`);
    }
  }

  onWritable(): void {
    this.writable = true;
  }

  onClose(error: MeshError | null): void {
    if (this.stream === null) return;
    this.stream = null;
    const { clock, random, log } = this.options;
    const { reconnectBaseMs, reconnectMaxMs } = loadReportLimits;
    clock.cancel(this.reporting);
    this.attempt += 1;
    if (this.attempt === 1)
      log.write('warn', 'load reports: the stream ended', { reason: error?.message ?? 'by the server' });
    clock.arm(this.opening, reconnectDelayMs(this.attempt, reconnectBaseMs, reconnectMaxMs, random));
  }

  private fail(message: string): void {
    const { stream } = this;
    const error = new MeshError('protocol', 'upstream', 'yes', message);
    this.onClose(error);
    stream?.close(error);
  }

  private report(): void {
    this.withFigures(() => {
      const { asked, loads, node } = this;
      const now = this.options.view();
      if (this.writable) {
        const reports = loads.report(now, asked?.withEndpoints ?? false, this.options.clock.now());
        this.writable = this.stream?.send([encodeLoadReport(node, reports)]) ?? true;
      }
      this.begin(now);
    });
  }

  /** What was asked for is told when its time has come. */
  private begin(view: ProxyView): void {
    if (this.asked === null) return;
    const { clock } = this.options;
    this.loads.track(this.asked.clusters, view, clock.now());
    clock.arm(this.reporting, this.asked.intervalMs);
  }

  /** Unless the stream is another one by then. */
  private withFigures(then: () => void): void {
    const { stream } = this;
    const { collect } = this.options;
    if (collect === null) then();
    else
      void collect().then(() => {
        if (stream !== null && this.stream === stream) then();
      });
  }
}
