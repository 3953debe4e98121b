// Spans beside Envoy's: the same requests, the same collector, which is Go's of OpenTelemetry's published messages.
// Compared is what a span says, and what of the trace the backend was told.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { describeWith } from '../../testing/programs.ts';
import { until } from '../../testing/until.ts';
import { type Ask, BesideEnvoy, type Case, cluster, typed } from '../testing/beside-envoy.ts';
import { GoServices, goBuildMs, http2Cluster } from '../testing/go-services.ts';
import { ask } from '../testing/raw-client.ts';

setDefaultTimeout(60_000);

const trace = 'envoy.config.trace.v3';
const otlp = {
  name: 'otlp',
  typed_config: typed(`${trace}.OpenTelemetryConfig`, {
    grpc_service: { envoy_grpc: { cluster_name: 'collector' }, timeout: '2s' },
    service_name: 'shop',
  }),
};
const otlpHttp = {
  name: 'otlp',
  typed_config: typed(`${trace}.OpenTelemetryConfig`, {
    http_service: {
      http_uri: { uri: 'http://collector.example/v1/traces', cluster: 'plain', timeout: '2s' },
    },
    service_name: 'shop',
  }),
};
const zipkin = (fields: object = {}) => ({
  name: 'zipkin',
  typed_config: typed(`${trace}.ZipkinConfig`, {
    collector_cluster: 'plain',
    collector_endpoint: '/api/v2/spans',
    collector_endpoint_version: 'HTTP_JSON',
    ...fields,
  }),
});
const percent = (value: number) => ({ value });

const tracing = (provider: object, fields: object = {}, more: object = {}) => ({
  manager: { tracing: { provider, ...fields }, ...more },
});
const uuid = (fields: object) => ({
  request_id_extension: {
    typed_config: typed('envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig', fields),
  },
});
const outbound = { listener: { traffic_direction: 'OUTBOUND' } };
const parent = 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const b3 = (sampled: string) => [
  'x-b3-traceid: 0af7651916cd43dd',
  'x-b3-spanid: b7ad6b7169203331',
  `x-b3-sampled: ${sampled}`,
];
const decorated = (fields: object = {}) => [
  {
    match: { prefix: '/' },
    route: { cluster: 'backend' },
    decorator: { operation: 'buy', ...fields },
  },
];

/** Each asks in ways that are told apart by `case`. */
const asks: readonly Ask[] = [
  { path: '/a?b=c' },
  { path: '/parent', fields: [parent, 'tracestate: a=b'] },
  { path: '/off', fields: [parent.replace(/01$/, '00')] },
  { path: '/post', method: 'POST', body: '12345', fields: ['user-agent: me'] },
  { path: '/fails' },
];
const b3Asks: readonly Ask[] = [
  { path: '/a' },
  { path: '/parent', fields: b3('1') },
  { path: '/off', fields: b3('0') },
];

const cases: readonly Case[] = [
  { name: 'inbound, OTLP', ...tracing(otlp), asks },
  { name: 'outbound, OTLP', ...tracing(otlp), ...outbound, asks },
  { name: 'OTLP over HTTP', ...tracing(otlpHttp), asks },
  {
    name: 'tags of the configuration',
    ...tracing(otlp, {
      max_path_tag_length: 3,
      custom_tags: [
        { tag: 'literal', literal: { value: 'v' } },
        { tag: 'header', request_header: { name: 'x-who', default_value: 'nobody' } },
        { tag: 'absent', request_header: { name: 'x-absent' } },
        { tag: 'variable', environment: { name: 'HOME' } },
        { tag: 'no variable', environment: { name: 'WEFT_ABSENT', default_value: 'none' } },
        {
          tag: 'of the route',
          metadata: {
            kind: { route: {} },
            metadata_key: { key: 'of.route', path: [{ key: 'tier' }] },
            default_value: 'none',
          },
        },
      ],
    }),
    routes: [
      {
        match: { prefix: '/' },
        route: { cluster: 'backend' },
        metadata: { filter_metadata: { 'of.route': { tier: 'gold' } } },
        tracing: { custom_tags: [{ tag: 'more', literal: { value: 'of the route' } }] },
      },
    ],
    asks: [{ path: '/abcdef', fields: ['x-who: ann'] }, { path: '/' }],
  },
  {
    name: 'only who asks for it',
    ...tracing(otlp, { random_sampling: percent(0) }),
    asks: [
      {},
      { path: '/forced', fields: ['x-client-trace-id: me'] },
      { fields: ['x-envoy-force-trace: 1'] },
    ],
  },
  {
    name: 'not even who asks for it',
    ...tracing(otlp, { client_sampling: percent(0), random_sampling: percent(0) }),
    asks: [{ fields: ['x-client-trace-id: me'] }],
  },
  {
    name: 'nobody at all',
    ...tracing(otlp, { overall_sampling: percent(0) }),
    asks: [{}, { fields: ['x-client-trace-id: me'] }],
  },
  {
    name: 'told to nobody',
    ...tracing(otlp, {}, uuid({ pack_trace_reason: false })),
    asks: [{}, { fields: ['x-client-trace-id: me'] }],
  },
  {
    name: 'whatever the id says',
    ...tracing(otlp, { random_sampling: percent(0) }, uuid({ use_request_id_for_trace_sampling: false })),
    asks: [{}, { fields: ['x-request-id: 00000000-0000-4000-8000-000000000000'] }],
  },
  {
    name: 'not on this route',
    ...tracing(otlp),
    routes: [
      {
        match: { prefix: '/' },
        route: { cluster: 'backend' },
        tracing: {
          random_sampling: { numerator: 0 },
          client_sampling: { numerator: 100 },
          overall_sampling: { numerator: 100 },
        },
      },
    ],
    asks: [{}, { path: '/forced', fields: ['x-client-trace-id: me'] }],
  },
  {
    name: 'named by the route, inbound',
    ...tracing(otlp),
    routes: decorated(),
    asks: [{}, { fields: ['x-envoy-decorator-operation: theirs'] }],
  },
  { name: 'named by the route, outbound', ...tracing(otlp), ...outbound, routes: decorated(), asks: [{}] },
  {
    name: 'named by the route, for itself',
    ...tracing(otlp),
    ...outbound,
    routes: decorated({ propagate: false }),
    asks: [{}],
  },
  { name: 'inbound, Zipkin', ...tracing(zipkin()), asks: b3Asks },
  { name: 'outbound, Zipkin', ...tracing(zipkin()), ...outbound, asks: b3Asks },
  {
    name: 'Zipkin with spans of its own and long ids',
    ...tracing(zipkin({ shared_span_context: false, trace_id_128bit: true })),
    asks: b3Asks,
  },
];

/** Fields of the trace that the backend was told. */
const traceFields = [
  'traceparent',
  'tracestate',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
];

describeWith(['envoy', 'go'], 'spans beside Envoy', () => {
  const services = new GoServices();
  const beside = new BesideEnvoy({
    cases,
    clusters: () => [http2Cluster('collector', services.port), cluster('plain', services.httpPort)],
    respond: (request) => {
      const told = Object.fromEntries(
        [...request.headers].filter(
          ([name]) =>
            traceFields.includes(name) || name === 'x-envoy-decorator-operation' || name === 'x-request-id',
        ),
      );
      const status = request.url.includes('/fails') ? 503 : 200;
      return new Response('ok', {
        status,
        headers: { 'x-told': Buffer.from(JSON.stringify(told)).toString('base64') },
      });
    },
  });

  const sides: (readonly [envoy: unknown[], weft: unknown[]])[] = [];

  beforeAll(async () => {
    await services.start();
    await beside.start();
    // All at once: Envoy keeps its spans for five seconds.
    const played = cases.map(({ asks }, index) =>
      Promise.all([side(beside.envoyPort(index), asks), side(beside.weftPort(index), asks)]),
    );
    sides.push(...(await Promise.all(played)));
  }, goBuildMs);
  afterAll(async () => {
    await beside.stop();
    await services.stop();
  });

  for (const [index, { name }] of cases.entries())
    test(name, () => {
      const [envoy, weft] = sides[index] ?? [];
      expect(weft).toEqual(envoy!);
    });

  async function side(port: number, wanted: readonly Ask[]): Promise<unknown[]> {
    const results = [];
    for (const each of wanted) {
      const marker = `m${crypto.randomUUID().slice(0, 8)}`;
      const { status, fields } = await ask(port, {
        ...each,
        fields: [...(each.fields ?? []), `x-envoy-downstream-service-cluster: ${marker}`],
      });
      const told = JSON.parse(Buffer.from(fields['x-told'] ?? 'e30=', 'base64').toString()) as Record<
        string,
        string
      >;
      results.push({
        status,
        named: fields['x-envoy-decorator-operation'] ?? '',
        ...toldOf(told),
        marker,
        told,
      });
    }
    return Promise.all(
      results.map(async ({ marker, told, ...rest }) => {
        const sampled = /01$/.test(told['traceparent'] ?? '') || told['x-b3-sampled'] === '1';
        return { ...rest, span: sampled ? await spanOf(marker, told) : null };
      }),
    );
  }

  async function spanOf(marker: string, told: Record<string, string>): Promise<unknown> {
    const find = () =>
      [...services.said('TRACE').flatMap(otlpSpans), ...services.said('ZIPKIN').flatMap(zipkinSpans)].find(
        ({ text }) => text.includes(marker),
      );
    await until('the span', () => find() !== undefined);
    return find()?.describe(marker, told);
  }
});

/** What the backend was told, without what is made by chance. */
function toldOf(told: Record<string, string>) {
  const [, traceId = '', spanId = '', flags = ''] = (told['traceparent'] ?? '').split('-');
  return {
    // Envoy says also a tracestate that is empty.
    fields: Object.keys(told)
      .filter((name) => name !== 'tracestate' || told[name] !== '')
      .sort(),
    operation: told['x-envoy-decorator-operation'] ?? '',
    decision: told['x-request-id']?.[14],
    trace: [traceId.length, spanId.length, flags, told['tracestate'] ?? ''],
    known: [
      traceId.startsWith('0af7'),
      told['x-b3-traceid'] === '0af7651916cd43dd',
      told['x-b3-spanid'] === 'b7ad6b7169203331',
      told['x-b3-parentspanid'] ?? '',
    ],
    lengths: traceFields.map((name) => told[name]?.length ?? 0),
  };
}

interface FoundSpan {
  readonly text: string;
  describe(marker: string, told: Record<string, string>): unknown;
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue: string };
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: string;
  readonly status?: object;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
}

interface OtlpExport {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

function otlpSpans(line: string): readonly FoundSpan[] {
  const { resourceSpans } = JSON.parse(line) as OtlpExport;
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue;
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => foundSpan(span, service)));
  });
}

function foundSpan(span: OtlpSpan, service: string | undefined): FoundSpan {
  const { attributes, kind, name, status = {} } = span;
  const hex = (text = '') => Buffer.from(text, 'base64').toString('hex');
  return {
    text: JSON.stringify(span),
    describe: (marker, told) => {
      const [, traceId = '', spanId = ''] = (told['traceparent'] ?? '').split('-');
      const startMs = Number(span.startTimeUnixNano) / 1e6;
      const tookMs = Number(span.endTimeUnixNano) / 1e6 - startMs;
      expect(tookMs >= 0 && tookMs < 5_000).toBe(true);
      expect(Math.abs(startMs - Date.now())).toBeLessThan(60_000);
      return {
        ids: [hex(span.traceId) === traceId, hex(span.spanId) === spanId, hex(span.parentSpanId)],
        service,
        name: withoutPort(name),
        kind,
        status,
        tags: tagsOf(
          attributes.map(({ key, value }) => [key, value.stringValue] as const),
          marker,
        ),
      };
    },
  };
}

interface ZipkinSpan {
  readonly id: string;
  readonly traceId: string;
  readonly parentId?: string;
  readonly kind: string;
  readonly name: string;
  readonly shared?: boolean;
  readonly localEndpoint: { readonly serviceName: string };
  readonly tags: Readonly<Record<string, string>>;
}

function zipkinSpans(line: string): readonly FoundSpan[] {
  return (JSON.parse(line) as readonly ZipkinSpan[]).map((span) => ({
    text: JSON.stringify(span),
    describe: (marker: string, told: Record<string, string>) => {
      const { id, kind, localEndpoint, name, parentId = '', shared = false, tags, traceId } = span;
      return {
        ids: [
          traceId === told['x-b3-traceid'],
          id === told['x-b3-spanid'],
          parentId === (told['x-b3-parentspanid'] ?? ''),
        ],
        kind,
        shared,
        service: localEndpoint.serviceName,
        name: withoutPort(name),
        tags: tagsOf(Object.entries(tags), marker),
      };
    },
  }));
}

function withoutPort(text: string): string {
  return text.replace(/127\.0\.0\.1:\d+/, 'host');
}

function tagsOf(tags: readonly (readonly [key: string, value: string])[], marker: string): unknown {
  const shown = tags.map(([key, value]) => [
    key,
    key === 'guid:x-request-id' ? value.length : withoutPort(value.replace(marker, 'marker')),
  ]);
  return Object.fromEntries(shown.sort(([left], [right]) => (String(left) < String(right) ? -1 : 1)));
}
