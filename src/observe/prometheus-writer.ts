// Writes the Prometheus text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). One writer is one
// scrape: a family is opened once and its samples follow. The number of series is bounded, so that configuration growth
// cannot bring Prometheus down.

import { assert } from '../base/index.ts';
import { Histogram } from './histogram.ts';
import { observeLimits } from './limits.ts';

/** Label names to values. Values come from configuration, never from callers. */
export type Labels = Readonly<Record<string, string>>;
export type MetricType = 'counter' | 'gauge' | 'histogram';

export interface PrometheusWriterOptions {
  readonly seriesMax?: number;
  /** Foldings of earlier scrapes, so that the counter keeps growing over the life of the process. */
  readonly foldedBefore?: number;
  /** Families whose name it matches are written, others cost next to nothing. Default: all. */
  readonly families?: RegExp;
  /** Leaves out counters and histograms that never counted (Envoy's `usedonly`). */
  readonly usedOnly?: boolean;
}

export const noLabels: Labels = {};

const foldedLabel = 'other';

export class PrometheusWriter {
  /** Series folded into "other" so far, earlier scrapes included. */
  folded: number;
  private readonly seriesMax: number;
  private readonly seen = new Set<string>();
  private text = '';
  private series = 0;
  private name = '';
  private type: MetricType = 'gauge';
  private skipping = false;
  private readonly families: RegExp | null;
  private readonly usedOnly: boolean;
  /** What was folded in the open family: label names (sorted by appearance) to the sum. */
  private foldedSamples: Map<string, FoldedSample> | null = null;

  constructor(options: PrometheusWriterOptions = {}) {
    this.seriesMax = options.seriesMax ?? observeLimits.seriesMax;
    this.folded = options.foldedBefore ?? 0;
    this.families = options.families ?? null;
    this.usedOnly = options.usedOnly ?? false;
  }

  /** Opens a family. Each name once per scrape: the format forbids to come back to one. */
  family(name: string, type: MetricType, help: string): this {
    assert(!this.seen.has(name), `metric family ${name} is opened once`);
    this.seen.add(name);
    this.closeFamily();
    this.name = name;
    this.type = type;
    this.skipping = this.families !== null && !this.families.test(name);
    if (this.skipping) return this;
    this.text += `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
    return this;
  }

  sample(labels: Labels, value: number): this {
    if (this.skipping || (this.usedOnly && value === 0 && this.type === 'counter')) return this;
    if (this.series >= this.seriesMax) return this.fold(labels, value, null);
    this.series += 1;
    const inner = encodeLabels(labels);
    this.text +=
      inner === ''
        ? `${this.name} ${formatValue(value)}\n`
        : `${this.name}{${inner}} ${formatValue(value)}\n`;
    return this;
  }

  /** `scale` multiplies bounds and sum: 1000 writes seconds as Envoy's milliseconds. */
  histogram(labels: Labels, histogram: Histogram, scale = 1): this {
    assert(this.type === 'histogram', `${this.name} is a histogram`);
    if (this.skipping || (this.usedOnly && histogram.count === 0)) return this;
    const lines = histogram.bounds.length + 3;
    if (this.series + lines > this.seriesMax) return this.fold(labels, scale, histogram);
    this.series += lines;
    this.writeHistogram(encodeLabels(labels), histogram, scale);
    return this;
  }

  /** Enough text has come together to be sent: whoever writes a large scrape pauses here ({@link take}). */
  get full(): boolean {
    return this.text.length >= observeLimits.scrapeSliceChars;
  }

  /** The text so far, which the writer then forgets. The scrape goes on. */
  take(): string {
    const { text } = this;
    this.text = '';
    return text;
  }

  /** What is left of the scrape, with the count of folded series at its end. */
  toString(): string {
    this.closeFamily();
    return `${this.text}# HELP weft_metrics_folded_total Series folded into label value "other" because a scrape holds too many.\n# TYPE weft_metrics_folded_total counter\nweft_metrics_folded_total ${this.folded}\n`;
  }

  private writeHistogram(inner: string, histogram: Histogram, scale: number): void {
    const prefix = inner === '' ? `${this.name}_bucket{le="` : `${this.name}_bucket{${inner},le="`;
    const bounds = boundTexts(histogram.bounds, scale);
    let cumulative = 0;
    let text = '';
    for (let i = 0; i < bounds.length; i++) {
      cumulative += histogram.counts[i]!;
      text += `${prefix}${bounds[i]!}"} ${cumulative}\n`;
    }
    const braces = inner === '' ? '' : `{${inner}}`;
    this.text += `${text}${prefix}+Inf"} ${histogram.count}\n${this.name}_sum${braces} ${formatValue(histogram.sum * scale)}\n${this.name}_count${braces} ${histogram.count}\n`;
  }

  private fold(labels: Labels, value: number, histogram: Histogram | null): this {
    this.folded += 1;
    this.foldedSamples ??= new Map();
    const key = Object.keys(labels).join(',');
    let entry = this.foldedSamples.get(key);
    if (entry === undefined) {
      const names = Object.fromEntries(Object.keys(labels).map((name) => [name, foldedLabel]));
      entry = { labels: names, value: 0, histogram: null, scale: 1 };
      this.foldedSamples.set(key, entry);
    }
    if (histogram === null) {
      entry.value += value;
    } else {
      entry.histogram ??= new Histogram(histogram.bounds);
      entry.scale = value;
      entry.histogram.merge(histogram);
    }
    return this;
  }

  private closeFamily(): void {
    if (this.foldedSamples === null) return;
    for (const { labels, value, histogram, scale } of this.foldedSamples.values()) {
      const inner = encodeLabels(labels);
      if (histogram !== null) this.writeHistogram(inner, histogram, scale);
      else this.text += `${this.name}${inner === '' ? '' : `{${inner}}`} ${formatValue(value)}\n`;
    }
    this.foldedSamples = null;
  }
}

interface FoldedSample {
  readonly labels: Labels;
  value: number;
  histogram: Histogram | null;
  scale: number;
}

function encodeLabels(labels: Labels): string {
  let text = '';
  for (const name in labels) {
    const value = labels[name]!;
    text += text === '' ? `${name}="${escapeLabel(value)}"` : `,${name}="${escapeLabel(value)}"`;
  }
  return text;
}

const labelSpecial = /[\\\n"]/;

function escapeLabel(value: string): string {
  if (!labelSpecial.test(value)) return value;
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function escapeHelp(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function formatValue(value: number): string {
  if (Number.isFinite(value)) return `${value}`;
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? '+Inf' : '-Inf';
}

/**
 * Texts of `le` by bounds and scale. Histograms of one kind share their bounds (Histogram), so a few entries serve
 * every scrape.
 */
const boundTextCache = new WeakMap<Float64Array, Map<number, readonly string[]>>();

function boundTexts(bounds: Float64Array, scale: number): readonly string[] {
  let byScale = boundTextCache.get(bounds);
  if (byScale === undefined) {
    byScale = new Map();
    boundTextCache.set(bounds, byScale);
  }
  let texts = byScale.get(scale);
  if (texts === undefined) {
    // Twelve digits hide what the multiplication adds to a decimal fraction (0.00035 * 1000).
    texts = Array.from(bounds, (bound) => `${Number((bound * scale).toPrecision(12))}`);
    byScale.set(scale, texts);
  }
  return texts;
}
