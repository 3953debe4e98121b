// Which requests are traced, and that none waits for a collector, in virtual time.

import { describe, expect, test } from 'bun:test';
import { Xoshiro128 } from '../../base/index.ts';
import { compileText, type LogSink, traceableFilter } from '../../observe/index.ts';
import { createRequestHead } from '../../wire/index.ts';
import type { TracingConfig } from '../config/tracing-types.ts';
import {
  clusterConfig,
  endpointConfig,
  httpOptions,
  listenerConfig,
  routeConfig,
} from '../testing/configs.ts';
import type { Respond } from '../testing/peers.ts';
import { World } from '../testing/world.ts';
import { beginB3, beginW3c } from './context.ts';
import { decide, type Shares } from './decide.ts';
import { tracingLimits } from './limits.ts';

const all: Shares = { clientShare: 1, randomShare: 1, overallShare: 1, packsReason: true, drawsById: true };
const random = () => new Xoshiro128(1);
const head = (...fields: readonly (readonly [string, string])[]) =>
  createRequestHead('GET', 'a', '/', fields);
/** Of ten thousand, the 5,000th. */
const id = (digit: string) => `${(5_000).toString(16).padStart(8, '0')}-0000-${digit}000-8000-000000000000`;
const forced = ['x-envoy-force-trace', '1'] as const;
const client = ['x-client-trace-id', 'me'] as const;

describe('a request is traced', () => {
  const cases: readonly (readonly [
    name: string,
    fields: readonly (readonly [string, string])[],
    digit: string,
    shares: Partial<Shares>,
    reason: string,
    after: string,
  ])[] = [
    ['by chance', [], '4', {}, 'random_sampling', '9'],
    ['by a chance that suffices', [], '4', { randomShare: 0.5001 }, 'random_sampling', '9'],
    ['not, by chance', [], '4', { randomShare: 0.5 }, 'not_traceable', '4'],
    ['because a service asks for it', [forced], '4', { randomShare: 0 }, 'service_forced', 'a'],
    ['because a client asks for it', [client], '4', { randomShare: 0 }, 'client_enabled', 'b'],
    [
      'not because a client asks for it',
      [client],
      '4',
      { clientShare: 0, randomShare: 0 },
      'not_traceable',
      '4',
    ],
    ['as another proxy said', [], '9', { randomShare: 0 }, 'random_sampling', '9'],
    ['as another proxy was forced', [], 'a', { randomShare: 0 }, 'service_forced', 'a'],
    ['by chance, told to nobody', [], '4', { packsReason: false }, 'random_sampling', '4'],
    ['whatever the id says', [], '4', { randomShare: 0, drawsById: false }, 'random_sampling', '4'],
    ['not, whatever another proxy said', [], 'b', { overallShare: 0.5 }, 'not_traceable', '4'],
  ];
  for (const [name, fields, digit, shares, reason, after] of cases)
    test(name, () => {
      const decided = decide(head(...fields), id(digit), { ...all, ...shares }, random());
      expect([decided.reason, decided.requestId]).toEqual([reason as never, id(after)]);
    });

  test('never with an id of another kind', () => {
    const decided = decide(head(forced), 'mine', all, random());
    expect(decided).toEqual({ reason: 'not_traceable', requestId: 'mine' });
  });
});

describe('the trace that a request belongs to', () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const spanId = 'b7ad6b7169203331';

  test('is begun with our decision', () => {
    const made = head();
    const context = beginW3c(made, false, random());
    expect(made.getName('traceparent')).toBe(`00-${context.traceId}-${context.spanId}-00`);
    expect([context.traceId.length, context.spanId.length, context.parentId]).toEqual([32, 16, '']);
  });

  test('goes on with the decision of its caller', () => {
    const received = head(['traceparent', `00-${traceId}-${spanId}-01`]);
    const context = beginW3c(received, false, random());
    expect(context).toMatchObject({ traceId, parentId: spanId, sampled: true });
    expect(received.getName('traceparent')).toBe(`00-${traceId}-${context.spanId}-01`);
  });

  test('is read from one field of B3 too, and told in several', () => {
    const received = head(['b3', `${traceId}-${spanId}-0`]);
    const options = { egress: true, longIds: false, sharesSpans: true };
    const context = beginB3(received, true, options, random());
    expect(context).toMatchObject({ traceId, parentId: spanId, sampled: false, shared: false });
    const names = ['b3', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'x-b3-sampled'];
    expect(names.map((name) => received.getName(name))).toEqual([null, traceId, context.spanId, spanId, '0']);
  });

  test('begins anew where B3 cannot be read', () => {
    for (const fields of [
      [['b3', '0']],
      [
        ['x-b3-traceid', 'x'],
        ['x-b3-spanid', spanId],
      ],
    ] as const) {
      const context = beginB3(
        head(...fields),
        true,
        { egress: false, longIds: true, sharesSpans: true },
        random(),
      );
      expect(context).toMatchObject({ parentId: '', sampled: true });
      expect(context.traceId).toEndWith(context.spanId);
    }
  });
});

const config: TracingConfig = {
  egress: false,
  clientShare: 1,
  randomShare: 1,
  overallShare: 1,
  packsReason: true,
  drawsById: true,
  pathCharsMax: 256,
  tags: [],
  provider: {
    kind: 'zipkin',
    cluster: 'collector',
    path: '/spans',
    authority: 'collector.example',
    longIds: false,
    sharesSpans: true,
  },
};

function setup(respond: Respond) {
  const world = new World();
  const origin = world.origin();
  const collector = world.origin(respond);
  world.apply({
    listeners: [listenerConfig({ http: httpOptions({ tracing: config }) })],
    routes: [routeConfig()],
    clusters: [
      clusterConfig(),
      clusterConfig({ name: 'collector', statName: 'collector', service: 'collector' }),
    ],
    endpoints: { ledger: [endpointConfig(origin.port)], collector: [endpointConfig(collector.port)] },
  });
  const counts = () =>
    Object.fromEntries(
      [...(world.listener().filters.filters.at(-1)?.samples() ?? [])].map(({ name, value }) => [name, value]),
    );
  return { world, collector, counts };
}

/** Of so many clients, each of which asks so often. */
function ask(world: World, clients: number, each: number, forMs: number): number {
  const asking = Array.from({ length: clients }, () => world.client());
  for (const client of asking) for (let count = 0; count < each; count++) client.get('/');
  world.run(forMs);
  return asking.reduce((sum, client) => sum + client.statuses.length, 0);
}

test('a log names the span, and may take those that are collected', () => {
  const format = compileText('%TRACE_ID% %SPAN_ID%\n', '');
  if (!format.ok) throw new Error(format.error);
  const logged = (randomShare: number) => {
    const lines: string[] = [];
    const createLogSink = (): LogSink => ({
      write(bytes, handler) {
        lines.push(new TextDecoder().decode(bytes));
        handler.onWritten(null);
      },
      reopen() {},
      close() {},
    });
    const world = new World({ createLogSink });
    const accessLogs = [
      { kind: 'file' as const, path: '/log', format: format.value, filter: traceableFilter() },
    ];
    const tracing = { ...config, randomShare };
    world.apply({
      listeners: [listenerConfig({ http: httpOptions({ tracing, accessLogs }) })],
      routes: [routeConfig()],
      clusters: [clusterConfig()],
      endpoints: { ledger: [endpointConfig(world.origin().port)] },
    });
    ask(world, 1, 2, 2_000);
    return lines.join('');
  };
  expect(logged(1)).toMatch(/^([0-9a-f]{16} [0-9a-f]{16}\n){2}$/);
  expect(logged(0)).toBe('');
});

describe('a collector', () => {
  test('is told of many spans at once, a moment later', () => {
    const { world, collector, counts } = setup((connection) => connection.reply(202));
    expect(ask(world, 50, 2, 100)).toBe(100);
    expect(collector.requests).toHaveLength(0);
    world.run(2_000);
    expect(collector.requests).toHaveLength(1);
    const [, body = ''] = (collector.requests[0] ?? '').split('\r\n\r\n');
    expect(JSON.parse(body)).toHaveLength(100);
    expect(counts()).toMatchObject({ tracing_zipkin_spans_sent: 100, tracing_zipkin_timer_flushed: 1 });
    world.expectSettled();
  });

  test('that is silent holds nobody up, and takes no more than the bound', () => {
    const { world, counts } = setup(() => {});
    const count = tracingLimits.batchMax + tracingLimits.queuedMax + 500;
    const asked = 64 * Math.ceil(count / 64);
    expect(ask(world, 64, asked / 64, 4_000)).toBe(asked);
    expect(counts()['tracing_zipkin_spans_dropped']).toBe(
      asked - tracingLimits.batchMax - tracingLimits.queuedMax,
    );
  });

  test('that fails is asked again with the next batch, and what it refused is counted', () => {
    const { world, collector, counts } = setup((connection) => connection.reply(500));
    ask(world, 50, 2, 1_500);
    ask(world, 50, 2, 1_500);
    expect(collector.requests).toHaveLength(2);
    expect(counts()).toMatchObject({ tracing_zipkin_spans_dropped: 200, tracing_zipkin_reports_dropped: 2 });
    world.expectSettled();
  });
});

describe('what requests say in spans', () => {
  const long = 'x'.repeat(10_000);
  const fields = [
    `user-agent: ${long}`,
    `x-client-trace-id: ${long}`,
    `x-envoy-decorator-operation: ${long}`,
  ];

  test('is cut', () => {
    const { world, collector } = setup((connection) => connection.reply(202));
    world.client().get('/', ['content-type: application/grpc', `grpc-timeout: ${long}`, ...fields]);
    world.run(2_000);
    const [, body = ''] = (collector.requests[0] ?? '').split('\r\n\r\n');
    const [span] = JSON.parse(body);
    const lengths = [span.name, ...Object.values<string>(span.tags)].map((text) => text.length);
    expect(Math.max(...lengths)).toBe(tracingLimits.tagCharsMax);
    expect(span.tags['user_agent']).toBe('x'.repeat(tracingLimits.tagCharsMax));
    expect(span.tags['http.status_code']).toBe('200');
  });

  test('waits for a silent collector up to a bound of its own', () => {
    const { world, counts } = setup(() => {});
    const fits = Math.floor(tracingLimits.queuedCharsMax / (3 * tracingLimits.tagCharsMax));
    const asked = tracingLimits.batchMax + fits + 100;
    const asking = Array.from({ length: 20 }, () => world.client());
    for (let count = 0; count < asked; count++) asking[count % 20]!.get('/', fields);
    world.run(4_000);
    const dropped = counts()['tracing_zipkin_spans_dropped'] ?? 0;
    expect(dropped).toBeGreaterThanOrEqual(100);
    // Each has other tags too, which are short.
    expect(dropped).toBeLessThan(100 + fits * 0.1);
  });
});
