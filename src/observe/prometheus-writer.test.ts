import { describe, expect, test } from 'bun:test';
import { Histogram } from './histogram.ts';
import { noLabels, PrometheusWriter } from './prometheus-writer.ts';

/** Without the counter that ends every scrape. */
function body(writer: PrometheusWriter): string {
  return writer.toString().split('# HELP weft_metrics_folded_total')[0]!;
}

describe('PrometheusWriter', () => {
  test('HELP and TYPE once, then the samples', () => {
    const writer = new PrometheusWriter();
    writer
      .family('requests_total', 'counter', 'All requests.')
      .sample({ code: '2xx' }, 3)
      .sample(noLabels, 1.5);
    expect(body(writer)).toBe(
      '# HELP requests_total All requests.\n# TYPE requests_total counter\nrequests_total{code="2xx"} 3\nrequests_total 1.5\n',
    );
  });

  test('families that were not asked for are left out whole', () => {
    const writer = new PrometheusWriter({ families: /^weft_/ });
    writer.family('envoy_a', 'counter', 'a').sample(noLabels, 1);
    writer.family('weft_b', 'counter', 'b').sample(noLabels, 2);
    expect(body(writer)).toBe('# HELP weft_b b\n# TYPE weft_b counter\nweft_b 2\n');
  });

  test('used only: what never counted is left out, a gauge of 0 says something', () => {
    const writer = new PrometheusWriter({ usedOnly: true });
    writer.family('c', 'counter', 'c').sample({ a: '1' }, 0).sample({ a: '2' }, 1);
    writer.family('g', 'gauge', 'g').sample(noLabels, 0);
    writer.family('h', 'histogram', 'h').histogram(noLabels, new Histogram([1]));
    const lines = body(writer).split('\n');
    expect(lines.filter((line) => line !== '' && !line.startsWith('#'))).toEqual(['c{a="2"} 1', 'g 0']);
  });

  const escapes: readonly (readonly [string, string, string])[] = [
    ['a quote', 'a"b', 'a\\"b'],
    ['a backslash', 'a\\b', 'a\\\\b'],
    ['a line feed', 'a\nb', 'a\\nb'],
    ['all of them', '\\"\n', '\\\\\\"\\n'],
    ['text beyond ASCII', 'grün', 'grün'],
  ];
  for (const [name, value, escaped] of escapes) {
    test(`label values: ${name}`, () => {
      const writer = new PrometheusWriter();
      writer.family('m', 'gauge', 'h').sample({ l: value }, 1);
      expect(body(writer)).toContain(`m{l="${escaped}"} 1\n`);
    });
  }

  test('HELP keeps quotes and escapes line feeds', () => {
    const writer = new PrometheusWriter();
    writer.family('m', 'gauge', 'says "x"\nand \\').sample(noLabels, 0);
    expect(body(writer)).toContain('# HELP m says "x"\\nand \\\\\n');
  });

  test('values that are no numbers have names', () => {
    const writer = new PrometheusWriter();
    writer.family('m', 'gauge', 'h');
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      writer.sample(noLabels, value);
    expect(body(writer)).toContain('m NaN\nm +Inf\nm -Inf\n');
  });

  test('buckets are cumulative and end with +Inf, sum and count', () => {
    const histogram = new Histogram([0.00035, 0.5]);
    for (const value of [0.0001, 0.25, 0.25, 3]) histogram.record(value);
    const writer = new PrometheusWriter();
    writer.family('t', 'histogram', 'h').histogram({ a: 'b' }, histogram, 1000);
    expect(body(writer)).toContain(
      't_bucket{a="b",le="0.35"} 1\nt_bucket{a="b",le="500"} 3\nt_bucket{a="b",le="+Inf"} 4\nt_sum{a="b"} 3500.1\nt_count{a="b"} 4\n',
    );
  });

  test('histograms of equal length and ends but other bounds keep their own texts', () => {
    const writer = new PrometheusWriter();
    writer.family('t', 'histogram', 'h');
    writer.histogram({ a: '1' }, new Histogram([1, 2, 10])).histogram({ a: '2' }, new Histogram([1, 5, 10]));
    expect(body(writer)).toContain('t_bucket{a="1",le="2"} 0');
    expect(body(writer)).toContain('t_bucket{a="2",le="5"} 0');
  });

  test('a family is opened once', () => {
    const writer = new PrometheusWriter();
    writer.family('m', 'gauge', 'h');
    expect(() => writer.family('m', 'gauge', 'h')).toThrow('once');
  });

  test('beyond the cap counters fold into "other", histograms too, and both are counted', () => {
    const histogram = new Histogram([1]);
    histogram.record(0.5);
    const writer = new PrometheusWriter({ seriesMax: 2, foldedBefore: 5 });
    writer.family('c_total', 'counter', 'h');
    for (const [index, value] of [1, 2, 4, 8].entries()) writer.sample({ a: `${index}`, b: 'x' }, value);
    writer.family('t', 'histogram', 'h').histogram({ a: '1' }, histogram).histogram({ a: '2' }, histogram);
    const text = writer.toString();
    expect(text).toContain('c_total{a="1",b="x"} 2\nc_total{a="other",b="other"} 12\n');
    expect(text).toContain('t_bucket{a="other",le="1"} 2\n');
    expect(text).toContain('t_count{a="other"} 2\n');
    expect(text).toContain('weft_metrics_folded_total 9\n');
    expect(writer.folded).toBe(9);
  });
});
