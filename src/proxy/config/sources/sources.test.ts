import { describe, expect, test } from 'bun:test';
import type { Issue } from '../../../base/index.ts';
import type { Address } from '../../../net/index.ts';
import { typeUrls, type XdsUpdate } from '../../../xds/index.ts';
import type { ServerCluster } from '../server-types.ts';
import type { ResourceSource } from '../source-types.ts';
import { type AdsSubscriptions, type ClientRequest, type SourceSubscriber, Sources } from './sources.ts';

const address: Address = { kind: 'ip', host: '127.0.0.1', port: 1 };
const server: ServerCluster = {
  addresses: [address],
  speaksHttp2: true,
  connectTimeoutMs: 1_000,
  tls: null,
};
const servers = new Map([
  ['one', server],
  ['two', { ...server, addresses: [{ ...address, port: 2 }] }],
  ['plain', { ...server, speaksHttp2: false }],
  ['empty', { ...server, addresses: [] }],
]);
const stream = (...clusters: string[]) => ({
  variant: 'delta' as const,
  services: clusters.map((cluster) => ({ cluster, authority: '', metadata: [] })),
});
const own: ResourceSource = { kind: 'grpc', stream: stream('one', 'two') };
const file: ResourceSource = { kind: 'file', path: '/eds.yaml' };

class FakeClient implements AdsSubscriptions {
  readonly request: ClientRequest;
  readonly subscriber: SourceSubscriber;
  readonly asked: string[] = [];
  state = 'made';

  constructor(request: ClientRequest, subscriber: SourceSubscriber) {
    this.request = request;
    this.subscriber = subscriber;
  }

  subscribe(typeUrl: string, names: readonly string[] | '*'): void {
    this.asked.push(`${typeUrl.split('.').at(-1)} ${names}`);
  }

  start(): void {
    this.state = 'started';
  }

  stop(): void {
    this.state = 'stopped';
  }

  status() {
    return { state: 'idle' as const, attempts: 0, connectedMs: -1, lastError: '', types: [] };
  }
}

function setUp(ads = true) {
  const clients: FakeClient[] = [];
  const connections: boolean[] = [];
  const sources = new Sources({
    ads: ads ? stream('one') : null,
    servers,
    createClient: (request, subscriber) => {
      const client = new FakeClient(request, subscriber);
      clients.push(client);
      return client;
    },
    subscriber: {
      onUpdate: (_update: XdsUpdate): readonly Issue[] => [],
      onConnection: (connected) => connections.push(connected),
    },
  });
  return { sources, clients, connections };
}

describe('sources', () => {
  test('have a client each: the aggregated stream for all types, others for one', () => {
    const { sources, clients } = setUp();
    sources.subscribe({ kind: 'ads' }, typeUrls.cluster, '*');
    sources.start();
    sources.subscribe({ kind: 'ads' }, typeUrls.route, ['r']);
    sources.subscribe(own, typeUrls.endpoint, ['a']);
    sources.subscribe(own, typeUrls.route, ['s']);
    sources.subscribe(file, typeUrls.endpoint, ['b']);
    expect(clients.map(({ state, asked }) => [state, asked])).toEqual([
      ['started', ['Cluster *', 'RouteConfiguration r']],
      ['started', ['ClusterLoadAssignment a']],
      ['started', ['RouteConfiguration s']],
      ['started', ['ClusterLoadAssignment b']],
    ]);
    const [aggregated, endpoints, , eds] = clients.map(({ request }) => request);
    expect(aggregated).toMatchObject({ kind: 'stream', config: { typeUrl: null } });
    expect(endpoints).toMatchObject({
      kind: 'stream',
      config: {
        typeUrl: typeUrls.endpoint,
        servers: [{ address }, { address: { port: 2 } }],
      },
    });
    expect(eds).toEqual({ kind: 'file', path: '/eds.yaml' });
  });

  test('end with the last name that is asked of them, but for the aggregated one', () => {
    const { sources, clients } = setUp();
    sources.start();
    sources.subscribe(file, typeUrls.endpoint, ['a']);
    sources.subscribe(file, typeUrls.endpoint, []);
    sources.subscribe({ kind: 'ads' }, typeUrls.endpoint, []);
    sources.subscribe(file, typeUrls.endpoint, ['a']);
    expect(clients.map(({ state }) => state)).toEqual(['started', 'stopped', 'started']);
  });

  test('are connected when all their streams are', () => {
    const { sources, clients, connections } = setUp();
    sources.subscribe(own, typeUrls.endpoint, ['a']);
    sources.subscribe(file, typeUrls.endpoint, ['b']);
    clients[0]!.subscriber.onConnection(true, null);
    expect(connections).toEqual([]);
    clients[1]!.subscriber.onConnection(true, null);
    expect(connections).toEqual([true]);
    clients[0]!.subscriber.onConnection(false, null);
    clients[0]!.subscriber.onConnection(true, null);
    expect(connections).toEqual([true, false, true]);
    clients[1]!.subscriber.onConnection(false, null);
    sources.subscribe(own, typeUrls.endpoint, []);
    expect(connections).toEqual([true, false, true, false, true]);
  });

  test('are refused where nothing can come from', () => {
    const { sources } = setUp(false);
    expect(sources.refusal(file)).toBeNull();
    expect(sources.refusal(own)).toBeNull();
    expect(sources.refusal({ kind: 'ads' })).toBe('must not be ads: the bootstrap has no ads_config');
    const rules = ['plain', 'empty', 'other'].map((name) =>
      sources.refusal({ kind: 'grpc', stream: stream('one', name) }),
    );
    expect(rules).toEqual([
      'must name a cluster with http2_protocol_options: gRPC needs HTTP/2, not plain',
      'must name a cluster with endpoints of its own, not empty',
      'must name a static cluster, not other',
    ]);
  });
});
