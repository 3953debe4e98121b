import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type LoadReport, plainMetrics, visitMetrics } from '../../policy/index.ts';
import { createResponseHead } from '../../wire/index.ts';
import { orcaLimits } from './limits.ts';
import { readReport } from './read-report.ts';
import { base64Report, encodeReport } from './testing/encode-report.ts';

const everything = [...Object.keys(plainMetrics), 'named_metrics.*', 'utilization.*', 'request_cost.*'];

/** What is not 0, by name. */
function figures(report: LoadReport | 'refused' | null): unknown {
  if (report === null || report === 'refused') return report;
  const found: Record<string, number> = {};
  visitMetrics(report, everything, (name, value) => {
    if (value !== 0) found[name] = value;
  });
  return found;
}

function read(...lines: readonly (readonly [name: string, value: string])[]) {
  return readReport(createResponseHead(200, lines));
}

const field = 'endpoint-load-metrics';
const nothing = Number.NaN;

describe('readReport', () => {
  const rows: readonly (readonly [value: string, figures: unknown])[] = [
    [
      'TEXT cpu_utilization:0.5, eps: 2,named_metrics.q:-3',
      { cpu_utilization: 0.5, eps: 2, 'named_metrics.q': -3 },
    ],
    ['TEXT utilization.disk:0.5', { 'utilization.disk': 0.5 }],
    ['TEXT request_cost.j:0.5', 'refused'],
    ['TEXT ,', {}],
    ['TEXT cpuUtilization:1', 'refused'],
    ['TEXT eps:1,eps:2', 'refused'],
    ['TEXT eps:-1', 'refused'],
    ['TEXT utilization.disk:-1', 'refused'],
    ['TEXT eps:nan', 'refused'],
    ['TEXT eps:Infinity', 'refused'],
    ['TEXT eps:1e999', 'refused'],
    // Envoy takes numbers of C, which nobody sends.
    ['TEXT eps:0x10', 'refused'],
    ['TEXT eps', 'refused'],
    ['TEXT :1', 'refused'],
    ['TEXT rps:1', 'refused'],
    ['TEXT named_metrics.:1', 'refused'],
    ['TEXT named_metrics.gr\xc3\xb6\xc3\x9fe:1', { 'named_metrics.größe': 1 }],
    ['TEXT named_metrics.\xff:1', 'refused'],
    ['JSON {"eps": 1, "named_metrics": {"a": "2.5"}}', { eps: 1, 'named_metrics.a': 2.5 }],
    [
      'JSON {"applicationUtilization": 1, "requestCost": {"j": 2}}',
      { application_utilization: 1, 'request_cost.j': 2 },
    ],
    ['JSON {"eps": null, "rps": 7}', {}],
    ['JSON {"none": 1}', 'refused'],
    ['JSON {"eps": "NaN"}', 'refused'],
    ['JSON {"eps": true}', 'refused'],
    ['JSON {"eps": {}}', 'refused'],
    ['JSON {"named_metrics": [1]}', 'refused'],
    ['JSON {"named_metrics": {"a": -1}}', { 'named_metrics.a': -1 }],
    ['JSON {"eps": -1}', 'refused'],
    ['JSON {"__proto__": 1}', 'refused'],
    ['JSON null', 'refused'],
    ['JSON {', 'refused'],
    [`BIN ${base64Report({ eps: 2, named_metrics: { a: 1 } })}`, { eps: 2, 'named_metrics.a': 1 }],
    [`BIN ${base64Report({ eps: nothing })}`, 'refused'],
    [`BIN ${base64Report({ cpu_utilization: -0.5 })}`, 'refused'],
    [`BIN ${base64Report({ named_metrics: { a: Number.POSITIVE_INFINITY } })}`, 'refused'],
    ['BIN ', 'refused'],
    ['BIN /w==', 'refused'],
    ['eps:1', 'refused'],
    ['', 'refused'],
  ];
  for (const [value, expected] of rows)
    test(value, () => expect(figures(read([field, value]))).toEqual(expected));

  test('nobody said anything', () => expect(read(['date', 'now'])).toBeNull());

  test('the older field goes first, and the first of its lines', () => {
    const older = [`${field}-bin`, base64Report({ eps: 5 })] as const;
    expect(figures(read([field, 'TEXT eps:1'], older, [`${field}-bin`, '!']))).toEqual({ eps: 5 });
    expect(read([field, 'TEXT eps:1'], [`${field}-bin`, '!'])).toBe('refused');
  });

  test('unknown fields and other wire types are passed over', () => {
    const bytes = [...encodeReport({ eps: 5 }), 0x78, 0x01, 0x08, 0x01, 0x18, 0x02];
    expect(figures(read([field, `BIN ${Buffer.from(bytes).toString('base64')}`]))).toEqual({ eps: 5 });
  });

  test('a report has an end', () => {
    const pad = 'TEXT eps:1'.padEnd(orcaLimits.reportBytesMax, ',');
    expect(figures(read([field, pad]))).toEqual({ eps: 1 });
    expect(read([field, `${pad},`])).toBe('refused');
  });

  test('and so many figures', () => {
    const names = Array.from(
      { length: orcaLimits.metricsMax + 1 },
      (_, index) => `named_metrics.n${index}:1`,
    );
    expect(read([field, `TEXT ${names.join()}`])).toBe('refused');
    expect(read([field, `TEXT ${names.slice(1).join()}`])).not.toBe('refused');
    const many = Object.fromEntries(names.map((_, index) => [`n${index}`, 1]));
    expect(read([field, `BIN ${base64Report({ named_metrics: many })}`])).toBe('refused');
  });

  test('no figure is so large that nothing else counts beside it, and no name is long', () => {
    const { figureMax, nameLengthMax } = orcaLimits;
    for (const [value, verdict] of [
      [figureMax, true],
      [figureMax * 1.01, false],
      [-figureMax * 1.01, false],
      [1e308, false],
    ] as const) {
      const metrics = { named_metrics: { n: value } };
      for (const report of [
        `TEXT named_metrics.n:${value}`,
        `JSON ${JSON.stringify(metrics)}`,
        `BIN ${base64Report(metrics)}`,
      ])
        expect(read([field, report]) !== 'refused').toBe(verdict);
    }
    expect(read([field, `TEXT named_metrics.${'n'.repeat(nameLengthMax)}:1`])).not.toBe('refused');
    expect(read([field, `TEXT named_metrics.${'n'.repeat(nameLengthMax + 1)}:1`])).toBe('refused');
  });

  test('whatever comes, it is a report of finite numbers or none', () => {
    const bytes = fc
      .uint8Array({ maxLength: 80 })
      .map((part) => `BIN ${Buffer.from(part).toString('base64')}`);
    const json = fc.json().map((text) => `JSON ${Buffer.from(text).toString('latin1')}`);
    const text = fc.string({ maxLength: 80 }).map((part) => `TEXT ${Buffer.from(part).toString('latin1')}`);
    const value = fc.oneof(bytes, json, text).filter((line) => !/[\r\n\0]/.test(line));
    fc.assert(
      fc.property(value, (line) => {
        const found = figures(read([field, line]));
        if (typeof found === 'object' && found !== null)
          expect(Object.values(found).every(Number.isFinite)).toBe(true);
        else expect(found).toBe('refused');
      }),
      { numRuns: 1_000, seed: 1 },
    );
  });
});
