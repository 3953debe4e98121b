// The spans of a listener: begun when a request has its route, finished when it is settled. A listener without tracing
// has none of this, and its requests pay one comparison.

import { type Head, headerId, type ResponseHead } from '../../wire/index.ts';
import type { TracingConfig } from '../config/tracing-types.ts';
import type { ExchangeContext, RequestSpan, RequestState, RequestTracer } from '../exchange/index.ts';
import type { FilterSample } from '../stats/index.ts';
import { beginB3, beginW3c, type TraceContext } from './context.ts';
import { decide, type Reason } from './decide.ts';
import { SpanExporter } from './exporter.ts';
import { customTags, hasFailed, ownTags, ownText, type Tag, tagsOfEnd, tagsOfRequest } from './span.ts';

const decorated = 'x-envoy-decorator-operation';

export class Tracer implements RequestTracer {
  readonly name = 'tracing';
  private readonly config: TracingConfig;
  private readonly exporter: SpanExporter;
  private readonly counts: Record<Reason, number> = {
    not_traceable: 0,
    random_sampling: 0,
    service_forced: 0,
    client_enabled: 0,
  };

  constructor(context: ExchangeContext, config: TracingConfig) {
    this.config = config;
    this.exporter = new SpanExporter(context, config.provider);
  }

  *samples(): Iterable<FilterSample> {
    for (const [name, value] of Object.entries(this.counts)) yield { name: `http_tracing_${name}`, value };
    yield* this.exporter.samples();
  }

  begin(request: RequestState): RequestSpan {
    const { config } = this;
    const { head } = request;
    const { random } = request.context;
    const said = request.route?.tracing;
    const { drawsById, packsReason } = config;
    const shares = {
      drawsById,
      packsReason,
      clientShare: said?.clientShare ?? config.clientShare,
      randomShare: said?.randomShare ?? config.randomShare,
      overallShare: said?.overallShare ?? config.overallShare,
    };
    const { reason, requestId } = decide(head, request.requestId, shares, random);
    this.counts[reason] += 1;
    if (requestId !== request.requestId) {
      request.requestId = requestId;
      head.set(headerId['x-request-id'], requestId);
    }
    const traced = reason !== 'not_traceable';
    const { provider } = config;
    const context =
      provider.kind === 'otlp'
        ? beginW3c(head, traced, random)
        : beginB3(head, traced, { ...provider, egress: config.egress }, random);
    request.traceId = context.traceId;
    return new Span(request, context, config, this.exporter);
  }
}

class Span implements RequestSpan {
  private readonly context: TraceContext;
  private readonly config: TracingConfig;
  private readonly exporter: SpanExporter;
  private readonly startWallMs: number;
  private readonly tags: readonly Tag[];
  private name: string;
  /** What the other end is told that this is called; '': nothing. */
  private told = '';

  constructor(request: RequestState, context: TraceContext, config: TracingConfig, exporter: SpanExporter) {
    this.context = context;
    this.config = config;
    this.exporter = exporter;
    const { clock } = request.context;
    this.startWallMs = clock.wall() - (clock.now() - request.startedMs);
    const { authority } = request.head;
    // Zipkin's are called by who is asked.
    const name = config.egress ? `egress ${authority}` : 'ingress';
    this.name = config.provider.kind === 'zipkin' ? authority : name;
    this.tags = context.sampled ? tagsOfRequest(request, config.pathCharsMax) : [];
    this.decorate(request);
  }

  get id(): string {
    return this.context.spanId;
  }

  get traced(): boolean {
    return this.context.sampled;
  }

  onAnswer(head: ResponseHead): void {
    if (!this.config.egress) {
      if (this.told !== '') head.add(decorated, this.told);
      return;
    }
    this.takeName(head);
  }

  end(request: RequestState, nowMs: number): void {
    const { config, context, tags } = this;
    if (!context.sampled) return;
    const custom = [
      ...customTags(request, config.tags),
      ...customTags(request, request.route?.tracing?.tags ?? []),
    ];
    this.exporter.add({
      context: { ...context, traceId: ownText(context.traceId), parentId: ownText(context.parentId) },
      name: ownText(this.name),
      egress: config.egress,
      startWallMs: this.startWallMs,
      durationMs: nowMs - request.startedMs,
      tags: [...ownTags(tags), ...tagsOfEnd(request), ...custom],
      failed: hasFailed(request),
    });
  }

  /** The route's name for what it does; outbound it goes with the request, inbound the caller's wins. */
  private decorate(request: RequestState): void {
    const said = request.route?.tracing;
    const { head } = request;
    if (said !== undefined && said.operation !== '') {
      this.name = said.operation;
      if (said.propagates) this.told = said.operation;
    }
    if (!this.config.egress) {
      if (this.takeName(head)) this.told = '';
    } else if (this.told !== '') {
      if (head.find(headerId[decorated]) >= 0) head.remove(headerId[decorated]);
      head.add(decorated, this.told);
    }
  }

  /** It is meant for this hop alone. */
  private takeName(head: Head): boolean {
    const name = head.get(headerId[decorated]);
    if (name === null) return false;
    if (name !== '') this.name = name;
    head.remove(headerId[decorated]);
    return true;
  }
}
