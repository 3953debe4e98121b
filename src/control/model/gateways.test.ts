// Which requests a Gateway's listeners share out to which routes.

import { describe, expect, test } from 'bun:test';
import { createSelfSigned } from '../../testing/certificates.ts';
import { parseManifests } from '../source/parse.ts';
import { objectKey } from '../source/types.ts';
import { buildModel } from './build.ts';
import { Catalog } from './catalog.ts';
import { intersectHosts } from './hosts.ts';
import { listenersMax } from './open-gateway.ts';
import { hostsOf } from './types.ts';

const cases: readonly [string, readonly string[], readonly string[]][] = [
  ['*', [], ['* *']],
  ['a.example.com', [], ['* a.example.com']],
  ['*', ['a.example.com', '*.b.com'], ['a.example.com a.example.com', '*.b.com *.b.com']],
  [
    '*.example.com',
    ['a.example.com', 'a.b.example.com', 'example.com', 'a.example.org'],
    ['a.example.com a.example.com', 'a.b.example.com a.b.example.com'],
  ],
  [
    'a.example.com',
    ['*.example.com', '*.com', 'b.example.com'],
    ['*.example.com a.example.com', '*.com a.example.com'],
  ],
  ['notexample.com', ['*.example.com'], []],
];

test.each(cases)('listener %p and route %p', (listener, hostnames, expected) => {
  expect(intersectHosts(listener, hostnames).map((pair) => pair.join(' '))).toEqual([...expected]);
});

type Route = readonly [name: string, hostnames: readonly string[], sectionName?: string];

/** `host: routes in order`, for listeners of one port. */
function share(listeners: readonly string[], routes: readonly Route[]): readonly string[] {
  const objects = [
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'Gateway',
      metadata: { name: 'g' },
      spec: {
        gatewayClassName: 'weft',
        listeners: listeners.map((hostname, index) => ({
          name: `l${index}`,
          port: 80,
          protocol: 'HTTP',
          ...(hostname === '*' ? {} : { hostname }),
        })),
      },
    },
    ...routes.map(([name, hostnames, sectionName]) => ({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name },
      spec: { parentRefs: [{ name: 'g', sectionName }], hostnames },
    })),
  ];
  const catalog = new Catalog();
  for (const object of objects) {
    const parsed = parseManifests('f', JSON.stringify(object));
    if (parsed.ok) for (const raw of parsed.value) catalog.upsert(raw);
  }
  const [socket] = buildModel(catalog.entries()).model.gateways.get('default/g')?.sockets ?? [];
  return (socket === undefined ? [] : hostsOf(socket)).map(({ hostname, rules }) =>
    `${hostname}: ${rules.map(({ name }) => name.split('/')[1]).join(' ')}`.trim(),
  );
}

describe('listener isolation', () => {
  test.each<readonly [string, readonly string[], readonly Route[], readonly string[]]>([
    [
      'a route of a wider listener takes nothing of a narrower one',
      ['*', '*.example.com'],
      [['wide', ['a.example.com', 'a.other.com'], 'l0']],
      ['*.example.com:', 'a.other.com: wide'],
    ],
    [
      'nor does a route without host names',
      ['*', 'a.example.com'],
      [['wide', [], 'l0']],
      ['*: wide', 'a.example.com:'],
    ],
    [
      'a route on both is on each',
      ['*', '*.example.com'],
      [['both', []]],
      ['*: both', '*.example.com: both'],
    ],
    [
      'the more exact host name of two routes comes first, whatever the listener made of it',
      ['a.example.com'],
      [
        ['a-wide', ['*.example.com']],
        ['b-exact', ['a.example.com']],
      ],
      ['a.example.com: b-exact a-wide'],
    ],
    [
      'a wider route holds behind a more exact one',
      ['*'],
      [
        ['a-wide', ['*.example.com']],
        ['b-exact', ['a.example.com']],
      ],
      ['*.example.com: a-wide', 'a.example.com: b-exact a-wide'],
    ],
  ])('%s', (_, listeners, routes, expected) => {
    expect(share(listeners, routes)).toEqual([...expected]);
  });
});

test('a listener takes routes of the namespaces that it selects, and counts them', () => {
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { team: 'edge' } } },
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'bank', labels: { team: 'core' } } },
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'Gateway',
      metadata: { name: 'g' },
      spec: {
        gatewayClassName: 'weft',
        listeners: [
          {
            name: 'l',
            port: 80,
            protocol: 'HTTP',
            allowedRoutes: { namespaces: { from: 'Selector', selector: { matchLabels: { team: 'edge' } } } },
          },
        ],
      },
    },
    ...['shop', 'bank', 'unknown'].map((namespace) => ({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'r', namespace },
      spec: { parentRefs: [{ name: 'g', namespace: 'default' }] },
    })),
  ];
  const catalog = new Catalog();
  for (const object of objects) {
    const parsed = parseManifests('f', JSON.stringify(object));
    if (parsed.ok) for (const raw of parsed.value) catalog.upsert(raw);
  }
  const { model, book } = buildModel(catalog.entries());
  const gateway = model.gateways.get('default/g');
  expect(gateway?.listeners).toEqual([{ name: 'l', attachedRoutes: 1 }]);
  expect(gateway?.sockets.flatMap(hostsOf)[0]?.rules.map(({ owner }) => owner)).toEqual(['shop/HTTPRoute/r']);
  expect(book.of('bank/HTTPRoute/r')[0]?.reason).toBe('NotAllowedByListeners');
});

describe('server names of a port', () => {
  const tls = { mode: 'Terminate', certificateRefs: [{ name: 'tls' }] };
  const { pem, keyPem } = createSelfSigned({ dns: ['a.example.com'] });
  const base = [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'tls' },
      type: 'kubernetes.io/tls',
      stringData: { 'tls.crt': pem, 'tls.key': keyPem },
    },
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'Gateway',
      metadata: { name: 'g' },
      spec: {
        gatewayClassName: 'weft',
        listeners: [
          { name: 'any', port: 443, protocol: 'TLS', tls: { mode: 'Passthrough' } },
          { name: 'com', port: 443, protocol: 'TLS', hostname: '*.com', tls: { mode: 'Passthrough' } },
          { name: 'web', port: 443, protocol: 'HTTPS', hostname: 'a.example.com', tls },
        ],
      },
    },
  ];

  test.each<readonly [string, readonly string[], readonly string[], string]>([
    ['of an HTTPS listener', ['a.example.com'], ['a.example.com'], 'NoMatchingListenerHostname'],
    ['of another listener, asked of two', ['*.com'], ['a.example.com', '*.com'], 'Accepted'],
    ['that two listeners match', ['b.com'], ['a.example.com', 'b.com'], 'Accepted'],
    ['and another', ['a.example.com', 'b.com'], ['a.example.com', 'b.com'], 'Accepted'],
  ])('a TLSRoute for a name %s', (_, hostnames, expected, reason) => {
    const catalog = new Catalog();
    const route = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'TLSRoute',
      metadata: { name: 'r' },
      spec: { parentRefs: [{ name: 'g' }], hostnames, rules: [{ backendRefs: [{ name: 's', port: 1 }] }] },
    };
    for (const object of [...base, route]) {
      const parsed = parseManifests('f', JSON.stringify(object));
      if (parsed.ok) for (const raw of parsed.value) catalog.upsert(raw);
    }
    const { model, book } = buildModel(catalog.entries());
    const [socket] = model.gateways.get('default/g')?.sockets ?? [];
    const names = socket?.chains.flatMap(({ serverNames }) => serverNames) ?? [];
    expect(names.sort()).toEqual([...expected].sort());
    expect(book.of('default/TLSRoute/r').find(({ type }) => type === 'Accepted')?.reason).toBe(reason);
    const partial = book.of('default/TLSRoute/r').find(({ type }) => type === 'PartiallyInvalid');
    const told =
      hostnames.length > 1 ? 'another listener of the same port is the one for a.example.com' : undefined;
    expect(partial?.message).toBe(told);
  });
});

test('a Gateway and its sets have a bound of listeners together', () => {
  const set = (at: number): object => ({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'ListenerSet',
    metadata: { name: `s${String(at).padStart(2, '0')}`, namespace: 'default' },
    spec: {
      parentRef: { name: 'g' },
      listeners: Array.from({ length: 64 }, (_, n) => ({
        name: `l${n}`,
        protocol: 'HTTP',
        port: 80,
        hostname: `${at}-${n}.example.com`,
      })),
    },
  });
  const gateway = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: 'g', namespace: 'default' },
    spec: {
      gatewayClassName: 'weft',
      allowedListeners: { namespaces: { from: 'Same' } },
      listeners: [{ name: 'own', protocol: 'HTTP', port: 80 }],
    },
  };
  const sets = listenersMax / 64;
  const objects = [gateway, ...Array.from({ length: sets }, (_, at) => set(at))];
  const parsed = parseManifests('f', objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  if (!parsed.ok) throw new Error('no manifests');
  const catalog = new Catalog();
  for (const object of parsed.value) catalog.upsert(object);
  const { model, book } = buildModel(catalog.entries());
  const last = `s${String(sets - 1).padStart(2, '0')}`;
  const refused = book
    .of(objectKey('default', 'ListenerSet', last))
    .filter(({ status }) => status === 'False');
  expect(refused.map(({ reason, subject }) => [reason, subject.of === 'listener' && subject.name])).toEqual([
    ['TooManyListeners', 'l63'],
  ]);
  expect(model.gateways.get('default/g')?.sets).toHaveLength(sets);
});
