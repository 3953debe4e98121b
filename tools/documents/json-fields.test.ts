// The description of the JSON answers beside the answers themselves: nothing is there that no page names, and nothing
// is named that never comes.

import { expect, test } from 'bun:test';
import { Collector } from '../../src/console/collector.ts';
import { createMeshView } from '../../src/control/index.ts';
import { policy, route, service, slice } from '../../src/control/testing/manifests.ts';
import { World } from '../../src/control/testing/world.ts';
import { Histogram, PrometheusWriter } from '../../src/observe/index.ts';
import { readDeclaration } from './declarations.ts';
import { type JsonField, listJsonFields } from './json-fields.ts';
import { jsonAnswers } from './json-reference.ts';

/** Every path of a value, with the kinds of what stands there; below `skipped` nobody looks. */
function pathsOf(value: unknown, skipped: ReadonlySet<string>): ReadonlyMap<string, ReadonlySet<string>> {
  const paths = new Map<string, Set<string>>();
  const walk = (path: string, one: unknown): void => {
    const kind = one === null ? 'null' : Array.isArray(one) ? 'list' : typeof one;
    if (path !== '' && !/[\]}]$/.test(path)) paths.set(path, (paths.get(path) ?? new Set()).add(kind));
    if (skipped.has(path) || typeof one !== 'object' || one === null) return;
    if (Array.isArray(one)) for (const item of one) walk(`${path}[]`, item);
    else
      for (const [name, item] of Object.entries(one))
        walk(path === '' ? name : `${path}.${nameIn(path, name)}`, item);
  };
  walk('', value);
  return paths;
}

/** Names of Services stand in one place alone. */
function nameIn(path: string, name: string): string {
  return path === '[].services' ? '{}' : name;
}

function kindsOf({ type, nullable }: JsonField): ReadonlySet<string> {
  const kinds = new Set<string>(nullable ? ['null'] : []);
  if (type.startsWith('list')) kinds.add('list');
  else if (/^object|^the /.test(type)) kinds.add('object');
  else if (type === 'true or false') kinds.add('boolean');
  else {
    if (/text|`/.test(type)) kinds.add('string');
    if (/number/.test(type)) kinds.add('number');
  }
  return kinds;
}

/** `skipped`: paths that another page describes. */
function compare(answer: unknown, fields: readonly JsonField[], skipped: readonly string[] = []): void {
  const described = new Map(fields.map((field) => [field.path, field]));
  const found = pathsOf(JSON.parse(JSON.stringify(answer)), new Set(skipped));
  for (const [path, kinds] of found) {
    const field = described.get(path);
    expect(field === undefined ? `${path} is described nowhere` : '').toBe('');
    expect([path, [...kinds].filter((kind) => !kindsOf(field!).has(kind))]).toEqual([path, []]);
  }
  expect([...described.keys()].filter((path) => !found.has(path))).toEqual([]);
}

const edge = `---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: bank }
spec: { gatewayClassName: weft, listeners: [{ name: http, protocol: HTTP, port: 8080 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: edge, namespace: bank }
spec: { parentRefs: [{ name: edge, sectionName: http, port: 8080 }], rules: [{ backendRefs: [{ name: ledger, port: 80 }] }] }
`;

test('/api/v1/mesh is what its page says', async () => {
  const world = new World();
  const bad = policy('ledger', 'timeouts: { request: never }', 'bad');
  const odd = service('odd').replace('port: 80,', 'port: 80, protocol: UDP,');
  await world.write('m.yaml', service('ledger') + odd + slice('ledger', ['10.0.0.1']) + bad + edge);
  await world.write(
    'n.yaml',
    route('ledger', 'backendRefs: [{ name: ledger, port: 80 }, { name: gone, port: 80 }]'),
  );
  await world.start();
  const client = world.connect('sidecar~ledger-0.bank');
  await world.run(100);
  client.refuse = (update) =>
    update.typeUrl.endsWith('Listener')
      ? []
      : update.changed.map(({ name }) => ({ object: name, field: '', rule: 'no', value: '' }));
  await world.write('n.yaml', route('ledger', 'backendRefs: [{ name: ledger, port: 80 }]'));
  await world.run(1000);
  const reporter = world.plane.loads.enter('');
  if (typeof reporter !== 'string') reporter.nodeId = 'sidecar~ledger-0.bank';
  compare(createMeshView(world.plane), listJsonFields(jsonAnswers.mesh), ['services[].ports[].policy']);
  client.stop();
  world.plane.stop();
});

/** What a proxy's admin port says: one endpoint, some requests. */
async function answerAsProxy(input: string | URL | Request): Promise<Response> {
  if (!String(input).includes('/clusters')) {
    const histogram = new Histogram([0.01, 0.1]);
    histogram.record(0.005);
    const writer = new PrometheusWriter().family('weft_request_duration_seconds', 'histogram', 'd');
    const labels = { direction: 'outbound', service: 'bank/ledger', code: '2xx' };
    return new Response(writer.histogram(labels, histogram).toString());
  }
  const host = { hostname: 'ledger-0', address: { socket_address: { address: '127.0.0.1', port_value: 9 } } };
  const stats = [{ name: 'rq_total', value: '40' }];
  const status = { ...host, stats, weft: { state: 'ejected', latency_ms: 7.5, error_share: 0.2 } };
  return Response.json({
    cluster_statuses: [{ name: 'bank/ledger:80', service: 'bank/ledger', host_statuses: [status] }],
  });
}

test('/console/state and its history are what their page says', async () => {
  let nowMs = 1_000_000;
  const collector = new Collector({
    readMesh: async () => ({
      version: 'v',
      services: ['bank/ledger'],
      proxies: [
        {
          node: 'a',
          admin: '127.0.0.1:1',
          connected: true,
          role: 'sidecar',
          weft: true,
          workload: 'bank/a',
          version: 'v',
          sync: 'in sync',
          ageSeconds: 0,
          nack: null,
        },
      ],
      issues: [{ object: 'a', text: 'b' }],
    }),
    readDemo: async () => ({
      replicas: [{ name: 'ledger-1', service: 'ledger', state: 'running' }],
      policy: 'on',
      money: { expected: 1, found: 1 },
    }),
    fetcher: Object.assign(answerAsProxy, { preconnect() {} }),
    wallMs: () => nowMs,
  });
  await collector.state();
  nowMs += 2000;
  compare(await collector.state(), listJsonFields(jsonAnswers.state));
  compare(collector.history, listJsonFields(jsonAnswers.history));
});

test('declarations are read as the formatter leaves them', () => {
  const text = `
/** What it is. */
export interface Whole extends Part, Other {
  /** A list. */
  readonly items: readonly { readonly a: string | null; readonly b?: number }[];
  // A plain comment.
  readonly kind:
    | 'one'
    /** Not a member. */
    | 'two';
}

export type Alias = { readonly of: 'a' } | { /** Said. */ readonly of: 'b'; readonly more: readonly string[] };
`;
  expect(readDeclaration(text, 'Whole')).toEqual({
    name: 'Whole',
    doc: 'What it is.',
    extends: ['Part', 'Other'],
    type: '',
    members: [
      {
        name: 'items',
        optional: false,
        type: '{}[]',
        doc: 'A list.',
        members: [
          { name: 'a', optional: false, type: 'string | null', members: null, doc: '' },
          { name: 'b', optional: true, type: 'number', members: null, doc: '' },
        ],
      },
      { name: 'kind', optional: false, type: "'one' | 'two'", members: null, doc: '' },
    ],
  });
  expect(readDeclaration(text, 'Alias')?.type).toContain("{ /** Said. */ readonly of: 'b'");
  expect(readDeclaration(text, 'None')).toBeNull();
});

test('a field without a description is refused', () => {
  const files = [`${import.meta.dir}/json-fields.ts`];
  expect(() => listJsonFields({ name: 'JsonRoot', files })).toThrow('has no description');
});
