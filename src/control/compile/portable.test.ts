// Whatever people write, what the control plane sends for it is taken by the proxy that is asked to do it: both judge
// by the same code.

import { expect, setDefaultTimeout, test } from 'bun:test';
import fc from 'fast-check';
import { formatIssue } from '../../base/index.ts';
import { decodeResource } from '../../proxy/config/decode-resource.ts';
import { createSelfSigned } from '../../testing/certificates.ts';
import { effortTimeoutMs, runs } from '../../testing/effort.ts';
import { buildModel } from '../model/build.ts';
import { Catalog } from '../model/catalog.ts';
import { parseManifests } from '../source/parse.ts';
import { service, slice } from '../testing/manifests.ts';
import { MeshCompiler } from './mesh.ts';
import { parseScope } from './scope.ts';

setDefaultTimeout(effortTimeoutMs);

/** What is right, what is nearly right, and what is neither. */
const word = fc.constantFrom(
  ...[
    'a',
    'X-A',
    'host',
    'connection',
    'Content-Length',
    'te',
    'upgrade',
    ':path',
    'a b',
    'ä',
    '',
    'a\nb',
    '%',
    '%%',
    '100%',
  ],
);
const path = fc.constantFrom(
  '/',
  '/a',
  '/a/',
  '/a b',
  '/ä',
  '/a\n',
  'a',
  '',
  '/a?b',
  '/a#b',
  '/a%20b',
  '//a',
  '/%zz',
);
const host = fc.constantFrom(
  'a.example.com',
  '*.example.com',
  '*',
  'a:80',
  '[::1]',
  'A.b',
  '',
  'a b',
  'a.b.',
  'ä.de',
);
const regex = fc.constantFrom('/a.*', 'a{99}', '(', '.{90}', '[a-z]+', '(?=a)', '\\d+', '/(a|b){40}');
const number = fc.constantFrom(-1, 0, 1, 80, 301, 302, 500, 70_000, 1.5);
const duration = fc.constantFrom('1s', '0s', '20s', '1.5s', 'never', '99999h', '1h1m1s1ms');

const line = fc.record({ name: word, value: word });
const edits = fc.record(
  {
    set: fc.array(line, { maxLength: 2 }),
    add: fc.array(line, { maxLength: 2 }),
    remove: fc.array(word, { maxLength: 2 }),
  },
  { requiredKeys: [] },
);
const pathEdit = fc.oneof(
  path.map((replaceFullPath) => ({ type: 'ReplaceFullPath', replaceFullPath })),
  path.map((replacePrefixMatch) => ({ type: 'ReplacePrefixMatch', replacePrefixMatch })),
);
const modifiers = fc.oneof(
  edits.map((requestHeaderModifier) => ({ type: 'RequestHeaderModifier', requestHeaderModifier })),
  edits.map((responseHeaderModifier) => ({ type: 'ResponseHeaderModifier', responseHeaderModifier })),
);
const filter = fc.oneof(
  modifiers,
  fc
    .record(
      {
        scheme: fc.constantFrom('http', 'https', 'ftp'),
        hostname: host,
        port: number,
        path: pathEdit,
        statusCode: number,
      },
      { requiredKeys: [] },
    )
    .map((requestRedirect) => ({ type: 'RequestRedirect', requestRedirect })),
  fc
    .record({ hostname: host, path: pathEdit }, { requiredKeys: [] })
    .map((urlRewrite) => ({ type: 'URLRewrite', urlRewrite })),
);
const origin = fc.constantFrom(
  '*',
  'https://a.example.com',
  'https://*.example.com:8443',
  'http://*',
  'a',
  '',
);
const copies = fc.oneof(
  fc
    .record(
      {
        backendRef: fc.record({ name: fc.constantFrom('ledger', 'gone'), port: fc.constant(80) }),
        percent: number,
        fraction: fc.record({ numerator: number, denominator: number }),
      },
      { requiredKeys: ['backendRef'] },
    )
    .map((requestMirror) => ({ type: 'RequestMirror', requestMirror })),
  fc
    .record(
      {
        allowOrigins: fc.array(origin, { maxLength: 2 }),
        allowMethods: fc.array(fc.constantFrom('GET', '*', 'get'), { maxLength: 2 }),
        allowHeaders: fc.array(fc.oneof(word, fc.constant('*')), { maxLength: 2 }),
        exposeHeaders: fc.array(word, { maxLength: 2 }),
        allowCredentials: fc.boolean(),
        maxAge: number,
      },
      { requiredKeys: [] },
    )
    .map((cors) => ({ type: 'CORS', cors })),
);
const valueMatch = fc.record(
  { type: fc.constantFrom('Exact', 'RegularExpression'), name: word, value: fc.oneof(word, regex) },
  { requiredKeys: ['name', 'value'] },
);
const match = fc.record(
  {
    path: fc.record({
      type: fc.constantFrom('Exact', 'PathPrefix', 'RegularExpression'),
      value: fc.oneof(path, regex),
    }),
    headers: fc.array(valueMatch, { maxLength: 2 }),
    queryParams: fc.array(valueMatch, { maxLength: 2 }),
    method: fc.constantFrom('GET', 'FETCH'),
  },
  { requiredKeys: [] },
);
const rule = fc.record(
  {
    name: fc.constantFrom('a', 'b', 'A', 'a b'),
    matches: fc.array(match, { maxLength: 2 }),
    filters: fc.array(fc.oneof(filter, copies), { maxLength: 2 }),
    backendRefs: fc.array(
      fc.record(
        {
          name: fc.constantFrom('ledger', 'cards', 'gone'),
          port: fc.constant(80),
          weight: number,
          filters: fc.array(modifiers, { maxLength: 1 }),
        },
        { requiredKeys: ['name', 'port'] },
      ),
      { maxLength: 2 },
    ),
    timeouts: fc.record({ request: duration, backendRequest: duration }, { requiredKeys: [] }),
    retry: fc.record(
      { codes: fc.array(number, { maxLength: 2 }), attempts: number, backoff: duration },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);
const method = fc.record(
  {
    type: fc.constantFrom('Exact', 'RegularExpression'),
    service: fc.constantFrom('a.B', '.a', '', 'a/b', '[a-z]+', '(', 'A'),
    method: fc.constantFrom('Do', '', 'a.b', 'D.*', '['),
  },
  { requiredKeys: [] },
);
const grpcRule = fc.record(
  {
    matches: fc.array(
      fc.record({ method, headers: fc.array(valueMatch, { maxLength: 2 }) }, { requiredKeys: [] }),
      { maxLength: 2 },
    ),
    filters: fc.array(fc.oneof(modifiers, copies), { maxLength: 2 }),
    backendRefs: fc.array(
      fc.record({ name: fc.constantFrom('ledger', 'cards', 'gone'), port: fc.constant(80), weight: number }),
      { maxLength: 2 },
    ),
  },
  { requiredKeys: [] },
);
const grpcRoute = fc.record({
  kind: fc.constant('GRPCRoute'),
  name: fc.constantFrom('r', 's', 't'),
  parent: fc.constantFrom({ name: 'edge' }, { group: '', kind: 'Service', name: 'ledger' }),
  hostnames: fc.array(host, { maxLength: 2 }),
  rules: fc.array(grpcRule, { maxLength: 3 }),
});
const route = fc.record({
  kind: fc.constant('HTTPRoute'),
  name: fc.constantFrom('r', 's', 't'),
  parent: fc.constantFrom({ name: 'edge' }, { group: '', kind: 'Service', name: 'ledger' }),
  hostnames: fc.array(host, { maxLength: 2 }),
  rules: fc.array(rule, { maxLength: 3 }),
});

type Written<A> = A extends fc.Arbitrary<infer R> ? R : never;

const gateway = `---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: bank }
spec: { gatewayClassName: weft, listeners: [{ name: a, protocol: HTTP, port: 80 }, { name: b, protocol: HTTP, port: 80, hostname: "*.example.com" }] }
`;
const pair = createSelfSigned({ dns: ['a.example.com'] });
const secrets = `---
apiVersion: v1
kind: Secret
metadata: { name: good, namespace: bank }
type: kubernetes.io/tls
stringData: { tls.crt: ${JSON.stringify(pair.pem)}, tls.key: ${JSON.stringify(pair.keyPem)} }
---
apiVersion: v1
kind: Secret
metadata: { name: bad, namespace: bank }
type: kubernetes.io/tls
stringData: { tls.crt: ${JSON.stringify(pair.pem)}, tls.key: nothing }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: good, namespace: bank }
data: { ca.crt: ${JSON.stringify(pair.pem)} }
`;
const listener = fc.record(
  {
    name: fc.constantFrom('a', 'b', 'c'),
    protocol: fc.constantFrom('HTTP', 'HTTPS', 'TLS', 'TCP', 'UDP'),
    port: fc.constantFrom(80, 443, 15_021),
    hostname: host,
    tls: fc.record(
      {
        mode: fc.constantFrom('Terminate', 'Passthrough'),
        certificateRefs: fc.array(fc.record({ name: fc.constantFrom('good', 'bad', 'gone') }), {
          maxLength: 2,
        }),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['name', 'protocol', 'port'] },
);
const bundle = fc.record({
  group: fc.constant(''),
  kind: fc.constantFrom('ConfigMap', 'Secret'),
  name: fc.constantFrom('good', 'gone'),
});
const secureGateway = fc.record({
  listeners: fc.uniqueArray(listener, { minLength: 1, maxLength: 3, selector: ({ name }) => name }),
  clients: fc.option(fc.record({ caCertificateRefs: fc.array(bundle, { minLength: 1, maxLength: 2 }) })),
});
const stream = fc.record({
  kind: fc.constantFrom('TLSRoute', 'TCPRoute'),
  hostnames: fc.array(host, { maxLength: 2 }),
  weights: fc.array(number, { maxLength: 3 }),
});
const towardsPods = fc.record({
  caCertificateRefs: fc.array(bundle, { maxLength: 2 }),
  hostname: host,
  subjectAltNames: fc.array(fc.record({ type: fc.constant('Hostname'), hostname: host }), { maxLength: 2 }),
});

const gatewayApi = 'gateway.networking.k8s.io/v1';

function secureManifests(
  { listeners, clients }: Written<typeof secureGateway>,
  streams: readonly Written<typeof stream>[],
  validation: Written<typeof towardsPods>,
): string {
  const parentRefs = [{ name: 'edge' }];
  const objects = [
    {
      kind: 'Gateway',
      name: 'edge',
      spec: {
        gatewayClassName: 'weft',
        listeners,
        ...(clients === null ? {} : { tls: { frontend: { default: { validation: clients } } } }),
      },
    },
    {
      kind: 'HTTPRoute',
      name: 'web',
      spec: { parentRefs, rules: [{ backendRefs: [{ name: 'ledger', port: 80 }] }] },
    },
    ...streams.map(({ kind, hostnames, weights }, at) => ({
      kind,
      name: `s${at}`,
      spec: {
        parentRefs,
        ...(kind === 'TLSRoute' ? { hostnames } : {}),
        rules: [{ backendRefs: weights.map((weight) => ({ name: 'ledger', port: 80, weight })) }],
      },
    })),
    {
      kind: 'BackendTLSPolicy',
      name: 'p',
      spec: { targetRefs: [{ group: '', kind: 'Service', name: 'ledger' }], validation },
    },
  ];
  return objects
    .map(
      ({ kind, name, spec }) =>
        `---\n${JSON.stringify({ apiVersion: gatewayApi, kind, metadata: { name, namespace: 'bank' }, spec })}\n`,
    )
    .join('');
}

const services = service('ledger') + service('cards') + slice('ledger', ['10.0.0.1']);

test('what is sent of a Gateway with TLS is taken', () => {
  fc.assert(
    fc.property(
      secureGateway,
      fc.array(stream, { maxLength: 3 }),
      towardsPods,
      (edge, streams, validation) => {
        expect(judge(services + secrets + secureManifests(edge, streams, validation))).toEqual([]);
      },
    ),
    { numRuns: runs(200), seed: 7 },
  );
});

const world = service('ledger') + service('cards') + slice('ledger', ['10.0.0.1']) + gateway;
const nodes = [
  { id: 'sidecar~ledger-0.bank', metadata: { labels: { app: 'ledger' } } },
  { id: 'gateway~edge-0.bank', cluster: 'edge' },
];

function manifest({
  kind,
  name,
  parent,
  hostnames,
  rules,
}: Written<typeof route> | Written<typeof grpcRoute>): string {
  return `---\n${JSON.stringify({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind,
    metadata: { name, namespace: 'bank' },
    spec: { parentRefs: [parent], hostnames, rules },
  })}\n`;
}

/** What proxies of both kinds have against what they are sent. */
function judge(text: string): readonly string[] {
  const parsed = parseManifests('f', text);
  if (!parsed.ok) throw new Error(parsed.error.map(formatIssue).join());
  const catalog = new Catalog();
  for (const object of parsed.value) catalog.upsert(object);
  const compiler = new MeshCompiler(buildModel(catalog.entries()).model);
  return nodes.flatMap((node) => {
    const locality = { region: '', zone: '', subZone: '' };
    const scope = parseScope({
      cluster: '',
      metadata: {},
      locality,
      userAgent: '',
      clientFeatures: [],
      ...node,
    });
    if (!scope.ok) throw new Error('no scope');
    return [...compiler.compile(scope.value).resources.values()].flatMap((byName) =>
      [...byName.values()].flatMap((resource) => {
        const decoded = decodeResource(resource);
        return decoded.issues.map(formatIssue);
      }),
    );
  });
}

test('what is sent is taken', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(route, grpcRoute), { minLength: 1, maxLength: 3 }), (routes) => {
      expect(judge(world + routes.map(manifest).join(''))).toEqual([]);
    }),
    { numRuns: runs(300), seed: 7 },
  );
});
