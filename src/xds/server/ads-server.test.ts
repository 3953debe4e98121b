import { describe, expect, test } from 'bun:test';
import { VirtualClock } from '../../base/index.ts';
import { ackWaitMs, responseBytesMax, warmingWaitMs } from '../limits.ts';
import { createResource, createSnapshot } from '../snapshot/create-snapshot.ts';
import { createTestServer, RawClient } from '../testing/raw-client.ts';
import { clusterOf, endpointsOf, listenerOf, routeOf, TestSource, testNode } from '../testing/resources.ts';
import { type AdsVariant, typeUrls, type XdsResource } from '../types.ts';

const { cluster, endpoint, listener, route } = typeUrls;

function createWorld(variant: AdsVariant, ...resources: XdsResource[]) {
  const clock = new VirtualClock();
  const source = new TestSource();
  if (resources.length > 0) source.set(createSnapshot(resources));
  const { server, nacks, acks } = createTestServer(clock, source);
  const client = new RawClient(server, variant);
  const publish = (...next: XdsResource[]) => source.set(createSnapshot(next, source.current()));
  return { clock, source, server, nacks, acks, client, publish };
}

describe('SotW server', () => {
  test('a NACK is what carries error_detail, whatever its version says', () => {
    const { client, nacks, acks } = createWorld('sotw', clusterOf('a'));
    client.sotw(cluster);
    const { nonce, version } = client.last(cluster);
    client.sotw(cluster, { nonce, version, error: 'a: no' });
    expect(nacks.map(({ message, version: refused, node }) => [message, refused, node.id])).toEqual([
      ['a: no', version, testNode.id],
    ]);
    expect(acks).toEqual([]);
  });

  test('an ACK whose version differs is still an ACK', () => {
    const { client, nacks, acks, server } = createWorld('sotw', clusterOf('a'));
    client.sotw(cluster);
    client.sotw(cluster, { nonce: client.last(cluster).nonce, version: 'another' });
    expect([nacks.length, acks]).toEqual([0, ['Cluster']]);
    expect(server.status()[0]?.types[0]?.status).toBe('SYNCED');
  });

  test('a request with a stale nonce is ignored', () => {
    const { client, publish } = createWorld('sotw', endpointsOf('a'), endpointsOf('b'));
    client.sotw(endpoint, { names: ['a'] });
    const first = client.last(endpoint).nonce;
    client.ack(endpoint, ['a']);
    publish(endpointsOf('a', 2), endpointsOf('b'));
    expect(client.news()).toEqual(['ClusterLoadAssignment +a', 'ClusterLoadAssignment +a']);
    client.sotw(endpoint, { nonce: first, names: ['a', 'b'] });
    expect(client.news()).toEqual([]);
  });

  test('a plain ACK is not answered', () => {
    const { client } = createWorld('sotw', clusterOf('a'), endpointsOf('a'));
    client.sotw(cluster);
    client.ack(cluster);
    client.ack(cluster);
    expect(client.news()).toEqual(['Cluster +a']);
  });

  test('clusters and listeners come complete, endpoints and routes in part', () => {
    const all = [clusterOf('a'), clusterOf('b'), endpointsOf('a'), endpointsOf('b')];
    const { client, publish } = createWorld('sotw', ...all);
    client.sotw(cluster);
    client.sotw(endpoint, { names: ['a', 'b'] });
    client.ack(endpoint, ['a', 'b']);
    client.ack(cluster);
    client.news();
    publish(clusterOf('a', 1), clusterOf('b'), endpointsOf('a', 2), endpointsOf('b'));
    expect(client.news()).toEqual(['Cluster +a +b', 'ClusterLoadAssignment +a']);
  });

  test.each([
    ['no names at first mean everything', [[]], ['Cluster +a +b']],
    ['a star means everything', [['*']], ['Cluster +a +b']],
    ['after a name, no names mean nothing', [['a'], []], ['Cluster +a']],
    ['after a star, no names mean nothing', [['*'], []], ['Cluster +a +b']],
    ['a star and a name after no names', [[], ['*', 'a']], ['Cluster +a +b', 'Cluster +a +b']],
    ['a name ends the star', [['*'], ['*', 'a'], ['a']], ['Cluster +a +b', 'Cluster +a +b']],
  ])('wildcard: %s', (_name, requests, expected) => {
    const { client } = createWorld('sotw', clusterOf('a'), clusterOf('b'));
    for (const names of requests) {
      const nonce = client.received.at(-1)?.nonce ?? '';
      client.sotw(cluster, { names, nonce });
    }
    expect(client.received.map((one) => one.resources.length)).toEqual(
      expected.map((line) => line.split('+').length - 1),
    );
    expect(client.news()).toEqual(expected);
  });

  test('no names of a type that has no wildcard mean nothing', () => {
    const { client } = createWorld('sotw', endpointsOf('a'));
    client.sotw(endpoint);
    expect(client.news()).toEqual([]);
  });

  test('a name asked for anew is sent although it has not changed', () => {
    const { client } = createWorld('sotw', endpointsOf('a'), endpointsOf('b'));
    client.sotw(endpoint, { names: ['a', 'b'] });
    client.ack(endpoint, ['a']);
    client.news();
    client.sotw(endpoint, { names: ['a', 'b'], nonce: '1' });
    expect(client.news()).toEqual(['ClusterLoadAssignment +b']);
  });

  test('a name that does not exist yet is sent when it appears', () => {
    const { client, publish } = createWorld('sotw', endpointsOf('a'));
    client.sotw(endpoint, { names: ['later'] });
    expect(client.news()).toEqual([]);
    publish(endpointsOf('a'), endpointsOf('later'));
    expect(client.news()).toEqual(['ClusterLoadAssignment +later']);
  });

  test('the version of a wildcard type survives a reconnect', () => {
    const { client, server } = createWorld('sotw', clusterOf('a'));
    client.sotw(cluster);
    const { version } = client.last(cluster);
    const again = new RawClient(server, 'sotw');
    again.sotw(cluster, { version });
    expect(again.news()).toEqual([]);
    expect(server.status()[1]?.types[0]?.status).toBe('SYNCED');
    const other = new RawClient(server, 'sotw');
    other.sotw(cluster, { version: 'older' });
    expect(other.news()).toEqual(['Cluster +a']);
    const named = new RawClient(server, 'sotw');
    named.sotw(endpoint, { version, names: ['a'] });
    named.sotw(cluster, { version, names: ['a'] });
    expect(named.news()).toEqual(['Cluster +a']);
  });

  test('what was removed is in the response until routes have moved on', () => {
    const { client, publish } = createWorld('sotw', clusterOf('a'), routeOf('r', ['a']));
    client.sotw(cluster);
    client.ack(cluster);
    client.sotw(route, { names: ['r'] });
    client.ack(route, ['r']);
    client.news();
    publish(clusterOf('b'), routeOf('r', ['b']));
    expect(client.news()).toEqual(['Cluster +b +a']);
  });

  test('a refused complete response is not repeated, and the next change is sent', () => {
    const { client, publish, clock } = createWorld('sotw', clusterOf('a'));
    client.sotw(cluster);
    client.ack(cluster, [], 'no');
    clock.advanceBy(60_000);
    expect(client.news()).toEqual(['Cluster +a']);
    publish(clusterOf('a', 1));
    expect(client.news()).toEqual(['Cluster +a']);
  });

  test('requests wait for the first snapshot', () => {
    const { client, publish } = createWorld('sotw');
    client.sotw(cluster);
    client.sotw(endpoint, { names: ['a'] });
    expect(client.news()).toEqual([]);
    publish(clusterOf('a'), endpointsOf('a'));
    expect(client.news()).toEqual(['Cluster +a', 'ClusterLoadAssignment +a']);
  });
});

describe('delta server', () => {
  test('subscription changes hold although the nonce is stale', () => {
    const { client } = createWorld('delta', endpointsOf('a'), endpointsOf('b'));
    client.delta(endpoint, { subscribe: ['a'] });
    client.ack(endpoint);
    client.news();
    client.delta(endpoint, { nonce: 'stale', subscribe: ['b'] });
    expect(client.news()).toEqual(['ClusterLoadAssignment +b']);
  });

  test.each([
    ['an unchanged name', { subscribe: ['a'] }, ['ClusterLoadAssignment +a']],
    ['an unknown name', { subscribe: ['x'] }, ['ClusterLoadAssignment -x']],
    ['a known and an unknown one', { subscribe: ['x', 'a'] }, ['ClusterLoadAssignment +a -x']],
  ])('subscribing again is answered: %s', (_name, request, expected) => {
    const { client } = createWorld('delta', endpointsOf('a'));
    client.delta(endpoint, { subscribe: ['a'] });
    client.ack(endpoint);
    client.news();
    client.delta(endpoint, request);
    expect(client.news()).toEqual(expected);
  });

  test('an unknown name is pushed when it appears', () => {
    const { client, publish } = createWorld('delta', endpointsOf('a'));
    client.delta(endpoint, { subscribe: ['x'] });
    client.ack(endpoint);
    expect(client.news()).toEqual(['ClusterLoadAssignment -x']);
    publish(endpointsOf('a'), endpointsOf('x'));
    expect(client.news()).toEqual(['ClusterLoadAssignment +x']);
  });

  test.each([
    ['that exists', ['a'], ['Cluster +a']],
    ['that does not', ['x'], ['Cluster -x']],
  ])('dropping a name %s and is covered by the star is answered', (_name, unsubscribe, expected) => {
    const { client } = createWorld('delta', clusterOf('a'), clusterOf('b'));
    client.delta(cluster, { subscribe: ['*', ...unsubscribe] });
    client.ack(cluster);
    client.news();
    client.delta(cluster, { unsubscribe });
    expect(client.news()).toEqual(expected);
  });

  test('dropping unknown names is legal and silent', () => {
    const { client } = createWorld('delta', endpointsOf('a'));
    client.delta(endpoint, { subscribe: ['a'] });
    client.ack(endpoint);
    client.news();
    client.delta(endpoint, { unsubscribe: ['never', '*'] });
    expect([client.news(), client.closedBy]).toEqual([[], undefined]);
  });

  test.each([
    ['nothing said at first', {}, true],
    ['a star', { subscribe: ['*'] }, true],
    ['a name', { subscribe: ['a'] }, false],
  ])('wildcard by %s', (_name, request, everything) => {
    const { client, publish } = createWorld('delta', clusterOf('a'), clusterOf('b'));
    client.delta(cluster, request);
    client.ack(cluster);
    expect(client.news()).toEqual([everything ? 'Cluster +a +b' : 'Cluster +a']);
    publish(clusterOf('a'), clusterOf('b', 1));
    expect(client.news()).toEqual(everything ? ['Cluster +b'] : []);
  });

  test('the star stays beside a name until it is given up', () => {
    const { client, publish } = createWorld('delta', clusterOf('a'), clusterOf('b'));
    client.delta(cluster);
    client.ack(cluster);
    client.delta(cluster, { subscribe: ['a'] });
    client.ack(cluster);
    client.news();
    publish(clusterOf('a'), clusterOf('b', 1));
    expect(client.news()).toEqual(['Cluster +b']);
    client.delta(cluster, { nonce: '3', unsubscribe: ['*'] });
    publish(clusterOf('a', 1), clusterOf('b', 2));
    expect(client.news()).toEqual(['Cluster +a']);
  });

  test('a first wildcard request is answered although there is nothing', () => {
    const { client } = createWorld('delta', endpointsOf('a'));
    client.delta(cluster);
    expect(client.news()).toEqual(['Cluster']);
  });

  test('after a reconnect only what differs is sent', () => {
    const [a, b] = [clusterOf('a'), clusterOf('b')];
    const { client, clock } = createWorld('delta', a, b);
    const initialVersions = new Map([
      ['a', a.version],
      ['b', 'older'],
      ['gone', '1'],
    ]);
    client.delta(cluster, { subscribe: ['*'], initialVersions });
    client.ack(cluster);
    expect(client.news()).toEqual(['Cluster +b']);
    clock.advanceBy(warmingWaitMs);
    expect(client.news()).toEqual(['Cluster -gone']);
  });

  test('the same, when the first snapshot comes after the request', () => {
    const a = endpointsOf('a');
    const { client, publish } = createWorld('delta');
    client.delta(endpoint, { subscribe: ['a', 'b'], initialVersions: new Map([['a', a.version]]) });
    publish(a, endpointsOf('b'));
    expect(client.news()).toEqual(['ClusterLoadAssignment +b']);
  });

  test('large states are split, each part after the answer to the one before', () => {
    const big = (name: string) =>
      createResource(endpoint, name, new Uint8Array([10, 1, name.charCodeAt(0), ...large]));
    const large = createLargeField(responseBytesMax * 0.6);
    const { client } = createWorld('delta', big('a'), big('b'), big('c'));
    client.delta(endpoint, { subscribe: ['a', 'b', 'c'] });
    expect(client.news()).toEqual(['ClusterLoadAssignment +a']);
    client.delta(endpoint, { nonce: '1' });
    client.delta(endpoint, { nonce: '2' });
    expect(client.news()).toEqual(['ClusterLoadAssignment +b', 'ClusterLoadAssignment +c']);
    client.delta(endpoint, { nonce: '3' });
    expect(client.news()).toEqual([]);
  });
});

/** Field 19, which a reader that looks for the name passes over. */
function createLargeField(bytes: number): Uint8Array {
  const length = Math.floor(bytes);
  const prefix = [0x9a, 1, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14];
  const field = new Uint8Array(prefix.length + length);
  field.set(prefix);
  return field;
}

describe('order of delivery', () => {
  const full = [clusterOf('a'), endpointsOf('a'), listenerOf('l', 'r'), routeOf('r', ['a'])];

  function createServed() {
    const world = createWorld('delta', ...full);
    const { client } = world;
    client.delta(cluster);
    client.delta(endpoint, { subscribe: ['a'] });
    client.ack(endpoint);
    client.ack(cluster);
    client.delta(listener);
    client.ack(listener);
    client.delta(route, { subscribe: ['r'] });
    client.ack(route);
    client.news();
    world.clock.advanceBy(warmingWaitMs);
    return world;
  }

  test('make before break: clusters, endpoints, listeners, routes, and only then removals', () => {
    const { client, publish } = createServed();
    publish(clusterOf('b'), endpointsOf('b'), listenerOf('l', 'r', 0, 1), routeOf('r', ['b']));
    expect(client.news()).toEqual(['Cluster +b']);
    client.delta(endpoint, { subscribe: ['b'] });
    expect(client.news()).toEqual(['ClusterLoadAssignment +b']);
    client.delta(cluster, { nonce: '5' });
    expect(client.news()).toEqual([]);
    client.delta(endpoint, { nonce: '6' });
    expect(client.news()).toEqual(['Listener +l']);
    client.delta(listener, { nonce: '7' });
    expect(client.news()).toEqual(['RouteConfiguration +r']);
    client.delta(route, { nonce: '8' });
    expect(client.news()).toEqual(['Cluster -a']);
    client.delta(cluster, { nonce: '9' });
    expect(client.news()).toEqual(['ClusterLoadAssignment -a']);
  });

  test('a client that asks for no endpoints holds its routes back for a bounded time', () => {
    const { client, publish, clock } = createServed();
    publish(...full.slice(0, 2), clusterOf('b'), endpointsOf('b'), listenerOf('l', 'r'), routeOf('r', ['b']));
    client.ack(cluster);
    client.news();
    clock.advanceBy(warmingWaitMs - 1);
    expect(client.news()).toEqual([]);
    clock.advanceBy(1);
    expect(client.news()).toEqual(['RouteConfiguration +r']);
  });

  test('endpoints that are never asked for do not end the patience with those of later clusters', () => {
    const { client, publish, clock } = createServed();
    const rest = [listenerOf('l', 'r')];
    const ab = [...full.slice(0, 2), clusterOf('b'), endpointsOf('b')];
    publish(...ab, ...rest, routeOf('r', ['a']));
    client.ack(cluster);
    // Nobody ever asks for the endpoints of b.
    clock.advanceBy(warmingWaitMs + 1);
    client.news();
    publish(...ab, clusterOf('c'), endpointsOf('c'), ...rest, routeOf('r', ['c']));
    client.ack(cluster);
    expect(client.news()).toEqual(['Cluster +c']);
    client.delta(endpoint, { subscribe: ['c'] });
    client.ack(endpoint);
    expect(client.news()).toEqual(['ClusterLoadAssignment +c', 'RouteConfiguration +r']);
  });

  test('a client that never answers holds nothing back for ever', () => {
    const { client, publish, clock, server } = createServed();
    publish(clusterOf('a', 1), endpointsOf('a'), listenerOf('l', 'r'), routeOf('r', []));
    expect(client.news()).toEqual(['Cluster +a', 'ClusterLoadAssignment +a']);
    expect(server.status()[0]?.types.map((type) => type.status)).toEqual([
      'STALE',
      'STALE',
      'SYNCED',
      'STALE',
    ]);
    clock.advanceBy(ackWaitMs - 1);
    expect(client.news()).toEqual([]);
    clock.advanceBy(1);
    expect(client.news()).toEqual(['RouteConfiguration +r']);
  });

  test('endpoints are sent again after their cluster changed, since the client warms it anew', () => {
    const { client, publish } = createServed();
    publish(clusterOf('a', 1), ...full.slice(1));
    expect(client.news()).toEqual(['Cluster +a', 'ClusterLoadAssignment +a']);
  });

  test('endpoints are never held back by an unanswered cluster response: Envoy answers it only once they came', () => {
    const { client, publish } = createServed();
    publish(clusterOf('a', 1), ...full.slice(1));
    client.delta(endpoint, { nonce: '6' });
    publish(clusterOf('a', 2), endpointsOf('a', 9), ...full.slice(2));
    expect(client.news()).toEqual(['Cluster +a', 'ClusterLoadAssignment +a', 'ClusterLoadAssignment +a']);
  });

  test('a refused response opens the way for what follows', () => {
    const { client, publish, nacks } = createServed();
    publish(clusterOf('a', 1), endpointsOf('a'), listenerOf('l', 'r'), routeOf('r', []));
    client.delta(endpoint, { nonce: '6' });
    client.delta(cluster, { nonce: '5', error: 'bad' });
    expect(client.news()).toEqual(['Cluster +a', 'ClusterLoadAssignment +a', 'RouteConfiguration +r']);
    expect(nacks.length).toBe(1);
  });
});

describe('a stream', () => {
  test('coalesces to the newest state while the transport is full', () => {
    const { client, publish } = createWorld('delta', endpointsOf('a'), endpointsOf('b'));
    client.writable = false;
    client.delta(endpoint, { subscribe: ['a', 'b'] });
    client.ack(endpoint);
    client.news();
    for (let port = 1; port <= 1_000; port++) publish(endpointsOf('a', port), endpointsOf('b'));
    expect(client.news()).toEqual([]);
    client.setWritable();
    expect(client.received.map((one) => one.resources.map((item) => item.version))).toEqual([
      [endpointsOf('a', 1_000).version],
    ]);
  });

  test('coalesces while an answer is outstanding', () => {
    const { client, publish } = createWorld('delta', endpointsOf('a'));
    client.delta(endpoint, { subscribe: ['a'] });
    for (let port = 1; port <= 100; port++) publish(endpointsOf('a', port));
    expect(client.news().length).toBe(1);
    client.delta(endpoint, { nonce: '1' });
    expect(client.received.map((one) => one.resources[0]?.version)).toEqual([endpointsOf('a', 100).version]);
  });

  test('is not told of what it does not want', () => {
    const { client, publish } = createWorld('delta', endpointsOf('a'));
    client.delta(endpoint, { subscribe: ['a'] });
    client.ack(endpoint);
    client.news();
    publish(endpointsOf('a'), endpointsOf('b'), clusterOf('b'));
    expect(client.news()).toEqual([]);
  });

  test('says where it stands', () => {
    const { client, server, publish, clock } = createWorld('delta', clusterOf('a'));
    client.delta(cluster);
    const status = () => server.status()[0]!.types[0]!.status;
    expect(status()).toBe('STALE');
    client.ack(cluster);
    expect(status()).toBe('SYNCED');
    publish(clusterOf('a', 1));
    client.ack(cluster, [], 'bad');
    expect(status()).toBe('ERROR');
    clock.advanceBy(5);
    expect(server.status()[0]!.types[0]).toMatchObject({ error: 'bad', subscribed: '*', ageMs: 5 });
    publish(clusterOf('a', 2));
    client.ack(cluster);
    expect(status()).toBe('SYNCED');
    client.hangUp();
    expect(server.status()).toEqual([]);
  });

  test('lets go of its source when it ends', () => {
    const { client, source, server } = createWorld('delta', clusterOf('a'));
    client.delta(cluster);
    expect(source.watchers.size).toBe(1);
    client.hangUp();
    expect([source.watchers.size, server.streamCount]).toEqual([0, 0]);
  });

  test.each([
    ['bytes that are no message', (client: RawClient) => client.raw(new Uint8Array([0xff, 0xff]))],
    ['no node in the first request', (client: RawClient) => client.delta(cluster, { node: null })],
    ['no type', (client: RawClient) => client.delta('')],
  ])('is ended by %s', (_name, act) => {
    const { client, server } = createWorld('delta', clusterOf('a'));
    act(client);
    expect(client.closedBy?.source).toBe('downstream');
    expect(server.streamCount).toBe(0);
  });

  test('names that no one publishes are answered in any type', () => {
    const { client } = createWorld('delta', clusterOf('a'));
    client.delta('type.googleapis.com/example.Unknown', { subscribe: ['x'] });
    expect(client.news()).toEqual(['Unknown -x']);
  });
});
