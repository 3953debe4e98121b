import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { decodeResource } from '../../proxy/config/decode-resource.ts';
import { typeUrls } from '../../xds/index.ts';
import { buildModel } from '../model/build.ts';
import { Catalog } from '../model/catalog.ts';
import type { Model } from '../model/types.ts';
import { parseManifests } from '../source/parse.ts';
import { entryOf, fateOf, readListener } from '../testing/connection-fate.ts';
import { type CapturedPlan, compileCapturedListener, httpPortsMax, planCaptured } from './captured.ts';
import { shareChains, streamsMax } from './captured-streams.ts';
import { addressesOf } from './listener.ts';
import { MeshCompiler } from './mesh.ts';
import { parseScope } from './scope.ts';

setDefaultTimeout(30_000);

const own = 15_001;
const streams = [
  { addresses: ['10.96.0.8', 'fd00::8'], port: 5432, cluster: 'bank/db:5432' },
  { addresses: ['10.96.0.9'], port: 8000, cluster: 'bank/queue:8000' },
].map((one) => ({ ...one, namespace: 'bank', sticky: false, guarded: false }));

function compile(plan: CapturedPlan, onDemand = { hosts: false, clusters: false }) {
  const bind = { host: '127.0.0.1', port: own };
  return compileCapturedListener({ bind, ipv6: true, cors: false, onDemand, plan, namespace: 'bank' });
}

const few: CapturedPlan = { httpPorts: [80, 8000], streams };
const many: CapturedPlan = {
  httpPorts: Array.from({ length: httpPortsMax + 1 }, (_, at) => 8000 + at),
  streams,
};

test('over IPv6 the kernel leads them to ::1, and only there it is listened on besides', () => {
  const hosts = (bind: { readonly host: string; readonly port: number }, ipv6: boolean) => {
    const { address, additionalAddresses } = addressesOf(bind, ipv6);
    return JSON.stringify([address, additionalAddresses]).match(/"address":"[^"]+"/g);
  };
  const [loopback, any] = ['127.0.0.1', '0.0.0.0'].map((host) => ({ host, port: own }));
  expect(hosts(loopback!, true)).toEqual(['"address":"127.0.0.1"', '"address":"::1"']);
  expect(hosts(any!, true)).toEqual(['"address":"0.0.0.0"', '"address":"::"']);
  // Of what somebody chose, and where there is no IPv6, nothing is added.
  expect(hosts(any!, false)).toEqual(['"address":"0.0.0.0"']);
  expect(hosts({ host: '10.0.0.1', port: 1 }, true)).toEqual(['"address":"10.0.0.1"']);
});

describe('a captured connection', () => {
  test.each<readonly [string, number, string, string, string]>([
    ['127.0.0.1', own, 'http/1.1', 'outbound', 'outbound'],
    ['10.96.0.7', 8000, 'http/1.1', 'outbound/http:8000, looked at', 'outbound/http:8000, looked at'],
    ['10.96.0.7', 8000, '', 'outbound/passthrough, looked at', 'outbound/passthrough, looked at'],
    [
      '10.96.0.9',
      8000,
      'http/1.1',
      'outbound/bank/queue:8000, looked at',
      'outbound/bank/queue:8000, looked at',
    ],
    ['10.96.0.8', 5432, 'http/1.1', 'outbound/bank/db:5432', 'outbound/bank/db:5432'],
    ['fd00::8', 5432, '', 'outbound/bank/db:5432', 'outbound/bank/db:5432'],
    ['10.0.0.9', 5432, '', 'outbound/passthrough', 'outbound/passthrough'],
    ['10.0.0.9', 443, '', 'outbound/passthrough', 'outbound/passthrough, looked at'],
    ['10.0.0.9', 9000, 'h2c', 'outbound/passthrough', 'outbound/http, looked at'],
  ])('to %s:%p that says %p', (host, port, protocol, ofFew, ofMany) => {
    const fates = [few, many].map((plan) => fateOf(compile(plan), host, port, protocol));
    expect(fates).toEqual([ofFew, ofMany]);
  });

  test('has no more chains of HTTP than there are ports, up to a bound', () => {
    const chains = (plan: CapturedPlan) =>
      entryOf(compile(plan)).chains.filter(({ listener }) => listener.includes('/http'));
    const full: CapturedPlan = { ...many, httpPorts: many.httpPorts.slice(1) };
    expect([few, full, many].map((plan) => chains(plan).length)).toEqual([2, httpPortsMax, 2]);
  });
});

test('connections wait for their clusters where these come on demand, but not for what passes', () => {
  const { further } = readListener(compile(few, { hosts: false, clusters: true }));
  const asked = further.flatMap(({ config: { tcp } }) =>
    tcp === null ? [] : [[tcp.clusters[0]?.cluster, tcp.onDemand]],
  );
  const onDemand = { source: { kind: 'ads' as const }, timeoutMs: 60_000 };
  expect(asked).toEqual([
    ['bank/db:5432', onDemand],
    ['bank/queue:8000', onDemand],
    ['passthrough', undefined],
  ]);
});

describe('where more ports are carried as bytes than have chains', () => {
  interface Given {
    readonly namespace: string;
    readonly ports: readonly number[];
    readonly address: string;
    readonly guarded?: 'tls' | 'access' | 'closed';
  }
  const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1);
  const planOf = (given: readonly Given[]) => {
    const services = given.map(({ namespace, ports, address, guarded }) => ({
      namespace,
      addresses: [address],
      ports: ports.map((port) => ({
        ...{
          id: `${namespace}/${address}:${port}`,
          port,
          protocol: 'opaque',
          doubtful: false,
          sticky: false,
        },
        ...{ tls: guarded === 'tls' ? {} : null, access: guarded === 'access' ? {} : null },
        closed: guarded === 'closed',
      })),
    }));
    const byId = new Map(services.map((service, at) => [`${service.namespace}/${at}`, service]));
    return planCaptured({ services: byId, gateways: new Map() } as unknown as Model);
  };
  const greedy: Given = { namespace: 'aaa', ports: upTo(streamsMax + 500), address: '10.96.0.1' };
  const countOf = (plan: CapturedPlan, own: string, namespace: string) =>
    shareChains(plan, own).carried.filter((one) => one.namespace === namespace).length;

  test('up to the bound all have one, beyond it what is left out is told', () => {
    const shared = [streamsMax, streamsMax + 3].map((count) =>
      shareChains(planOf([{ ...greedy, ports: upTo(count) }]), 'aaa'),
    );
    expect(shared.map(({ carried, notes }) => [carried.length, notes])).toEqual([
      [streamsMax, []],
      [streamsMax, ['3 ports that are carried as bytes are reached past the proxy']],
    ]);
  });

  test('no namespace takes those of another, and its own come first', () => {
    const plan = planOf([
      greedy,
      { namespace: 'bank', ports: upTo(40), address: '10.96.0.2' },
      { namespace: 'shop', ports: upTo(700), address: '10.96.0.3' },
    ]);
    const ofAll = (own: string) => ['aaa', 'bank', 'shop'].map((one) => countOf(plan, own, one));
    expect(ofAll('bank')).toEqual([492, 40, 492]);
    expect(ofAll('shop')).toEqual([284, 40, 700]);
    expect(ofAll('aaa')).toEqual([streamsMax, 0, 0]);
  });

  test.each(['tls', 'access', 'closed'] as const)('what has %p is closed, and the rest passes', (guarded) => {
    const plan = planOf([
      { ...greedy, guarded },
      { ...greedy, address: '10.96.0.9' },
      { namespace: 'bank', ports: upTo(streamsMax), address: '10.96.0.2' },
    ]);
    const fates = [
      ['10.96.0.2', 7],
      ['10.96.0.1', 7],
      ['10.96.0.1', streamsMax + 9],
      ['10.96.0.9', 7],
      ['10.96.0.9', streamsMax + 9],
      ['10.0.0.9', streamsMax + 9],
    ] as const;
    const listener = compile(plan);
    expect(fates.map(([host, port]) => fateOf(listener, host, port, ''))).toEqual([
      'outbound/bank/10.96.0.2:7',
      'outbound/closed:7',
      'outbound/closed',
      'outbound/passthrough',
      'outbound/passthrough',
      'outbound/passthrough',
    ]);
    const ofHttp = compile({ ...plan, httpPorts: [streamsMax + 9] });
    expect(fateOf(ofHttp, '10.96.0.1', streamsMax + 9, '')).toBe(
      `outbound/closed:${streamsMax + 9}, looked at`,
    );
  });

  test('what shares an address with it is closed with it, and counted as that', () => {
    const plan = planOf([
      { ...greedy, ports: upTo(streamsMax) },
      { namespace: 'aaa', ports: [5_000], address: '10.96.0.2', guarded: 'tls' },
      { namespace: 'aaa', ports: [5_001, 7], address: '10.96.0.2' },
      { namespace: 'aaa', ports: [5_002], address: '10.96.0.3' },
    ]);
    const { notes } = shareChains(plan, 'aaa');
    expect(notes.map((note) => note.slice(0, note.indexOf(' ports')))).toEqual(['2', '2']);
    const listener = compile(plan);
    const fates = [5_000, 5_001, 7].map((port) => fateOf(listener, '10.96.0.2', port, ''));
    expect(fates).toEqual(['outbound/closed', 'outbound/closed', 'outbound/passthrough']);
    expect(fateOf(listener, '10.96.0.3', 5_002, '')).toBe('outbound/passthrough');
  });

  test('who is led to a closed end is given it', () => {
    const ports = upTo(100).map((port) => `{ name: tcp-${port}, port: ${port} }`);
    const manifest = upTo(11).map(
      (number) => `---
apiVersion: v1
kind: Service
metadata: { name: db-${number}, namespace: bank }
spec: { clusterIP: 10.96.0.${number}, selector: { app: db }, ports: [${ports.join(', ')}] }
---
apiVersion: weft.dev/v1alpha1
kind: AccessPolicy
metadata: { name: db-${number}, namespace: bank }
spec:
  targetRefs: [{ group: "", kind: Service, name: db-${number} }]
  rules: [{ from: [{ ipBlock: { cidr: 10.0.0.0/8 } }] }]
`,
    );
    const catalog = new Catalog();
    const parsed = parseManifests('f', manifest.join(''));
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    for (const object of parsed.value) catalog.upsert(object);
    const scope = parseScope({
      ...{ id: 'sidecar~front.bank', cluster: '', userAgent: '', clientFeatures: [] },
      metadata: { capture: true, labels: { app: 'front' } },
      locality: { region: '', zone: '', subZone: '' },
    });
    if (!scope.ok) throw new Error(JSON.stringify(scope.error));
    const model = buildModel(catalog.entries()).model;
    const { resources, notes } = new MeshCompiler(model).compile(scope.value);
    expect(notes).toEqual([
      '76 ports that are carried as bytes are closed: they have TLS or a policy, or share an address with one that has',
    ]);
    const closed = resources.get(typeUrls.cluster)?.get('closed');
    const { typeUrl, name, version, bytes } = closed!;
    const decoded = decodeResource({ typeUrl, name, version, bytes });
    expect(decoded.ok && decoded.meaning.kind).toBe('cluster');
  });
});
