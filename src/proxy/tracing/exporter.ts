// Hands spans to their collector, in batches and one export at a time. A request never waits for it: what the collector
// does not take is kept up to a bound, and above it dropped and counted.

import { type Clock, Timer, type TimerHandler } from '../../base/index.ts';
import { createRequestHead, type ResponseHead } from '../../wire/index.ts';
import type { OtlpConfig, ZipkinConfig } from '../config/tracing-types.ts';
import {
  type CallOwner,
  ClusterCall,
  type ExchangeContext,
  GrpcCall,
  type GrpcCallOwner,
} from '../exchange/index.ts';
import type { FilterSample } from '../stats/index.ts';
import { tracingLimits } from './limits.ts';
import { encodeOtlp } from './otlp.ts';
import { charsOf, type FinishedSpan, type Tag } from './span.ts';
import { encodeZipkin } from './zipkin.ts';

const otlpMethod = 'opentelemetry.proto.collector.trace.v1.TraceService/Export';

export class SpanExporter implements TimerHandler, CallOwner, GrpcCallOwner {
  private readonly context: ExchangeContext;
  private readonly config: OtlpConfig | ZipkinConfig;
  private readonly clock: Clock;
  private readonly timer = new Timer(this, 0);
  private readonly resource: readonly Tag[];
  private queue: FinishedSpan[] = [];
  /** Of what is in the queue. */
  private queuedChars = 0;
  /** Of the export that is on its way; 0: none is. */
  private exporting = 0;
  private armed = false;
  private readonly counts = {
    spans_sent: 0,
    spans_dropped: 0,
    timer_flushed: 0,
    reports_sent: 0,
    reports_dropped: 0,
  };

  constructor(context: ExchangeContext, config: OtlpConfig | ZipkinConfig) {
    this.context = context;
    this.config = config;
    this.clock = context.clock;
    const name = config.kind === 'otlp' ? config.serviceName : context.serviceCluster;
    this.resource = [
      ['service.name', name],
      ['telemetry.sdk.language', 'typescript'],
      ['telemetry.sdk.name', 'weft'],
    ];
  }

  *samples(): Iterable<FilterSample> {
    const scope = this.config.kind === 'otlp' ? 'opentelemetry' : 'zipkin';
    for (const [name, value] of Object.entries(this.counts))
      yield { name: `tracing_${scope}_${name}`, value };
  }

  add(span: FinishedSpan): void {
    const chars = charsOf(span);
    const tooLarge = this.queuedChars + chars > tracingLimits.queuedCharsMax;
    if (tooLarge || this.queue.length >= tracingLimits.queuedMax) {
      this.counts.spans_dropped += 1;
      return;
    }
    this.queue.push(span);
    this.queuedChars += chars;
    if (this.queue.length >= tracingLimits.batchMax) this.flush();
    else if (!this.armed) {
      this.armed = true;
      this.clock.arm(this.timer, tracingLimits.batchMs);
    }
  }

  onTimer(): void {
    this.armed = false;
    if (this.queue.length === 0) return;
    this.counts.timer_flushed += 1;
    this.flush();
  }

  onCallAnswered(head: ResponseHead): void {
    this.onExported(head.status >= 200 && head.status < 300);
  }

  onCallFailed(): void {
    this.onExported(false);
  }

  onGrpcAnswered(): void {
    this.onExported(true);
  }

  onGrpcFailed(): void {
    this.onExported(false);
  }

  private onExported(taken: boolean): void {
    const spans = this.exporting;
    this.exporting = 0;
    this.counts[taken ? 'spans_sent' : 'spans_dropped'] += spans;
    this.counts[taken ? 'reports_sent' : 'reports_dropped'] += 1;
    // The rest goes with a timer's turn, so that a collector that fails at once is not asked in a circle.
    if (this.queue.length === 0 || this.armed) return;
    this.armed = true;
    this.clock.arm(
      this.timer,
      this.queue.length >= tracingLimits.batchMax && taken ? 0 : tracingLimits.batchMs,
    );
  }

  private flush(): void {
    if (this.exporting > 0) return;
    const batch = this.queue.splice(0, tracingLimits.batchMax);
    for (const span of batch) this.queuedChars -= charsOf(span);
    this.exporting = batch.length;
    this.send(batch);
  }

  private send(batch: readonly FinishedSpan[]): void {
    const { config, context } = this;
    if (config.kind === 'zipkin') {
      const body = Buffer.from(encodeZipkin(batch, { serviceName: context.serviceCluster }));
      this.post(config.cluster, config.authority, config.path, 'application/json', body, zipkinMs);
      return;
    }
    const message = encodeOtlp(batch, this.resource);
    const { collector } = config;
    if (collector.kind === 'grpc') new GrpcCall(context, collector.target, otlpMethod, message, this).start();
    else {
      const { authority, cluster, path, timeoutMs } = collector;
      this.post(cluster, authority, path, 'application/x-protobuf', message, timeoutMs);
    }
  }

  private post(
    cluster: string,
    authority: string,
    path: string,
    type: string,
    body: Uint8Array,
    timeoutMs: number,
  ): void {
    const fields = [
      ['content-type', type],
      ['content-length', `${body.length}`],
    ] as const;
    const head = createRequestHead('POST', authority, path, fields);
    new ClusterCall(this.context, { cluster, head, body, timeoutMs, owner: this }).start();
  }
}

/** As Envoy's. */
const zipkinMs = 5_000;
