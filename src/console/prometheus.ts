// Reads the Prometheus text format 0.0.4 as our own proxies write it: no timestamps, no exemplars. Lines that do not
// fit are skipped: the console shows what it understands.

export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const samplePattern = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const labelPattern = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const escapes: Readonly<Record<string, string>> = { '\\n': '\n', '\\"': '"', '\\\\': '\\' };

/** Samples whose name starts with `prefix`, in order. */
export function parsePrometheus(text: string, prefix: string): MetricSample[] {
  const samples: MetricSample[] = [];
  for (const line of text.split('\n')) {
    if (!line.startsWith(prefix)) continue;
    const [, name, inner, number] = samplePattern.exec(line) ?? [];
    if (name === undefined || number === undefined) continue;
    samples.push({ name, labels: parseLabels(inner ?? ''), value: parseValue(number) });
  }
  return samples;
}

function parseLabels(inner: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name, value] of inner.matchAll(labelPattern)) {
    labels[name ?? ''] = (value ?? '').replace(/\\[n"\\]/g, (pair) => escapes[pair] ?? pair);
  }
  return labels;
}

function parseValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  return Number(text);
}
