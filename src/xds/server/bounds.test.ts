// What a peer can make the server hold has a bound, and crossing it takes nothing from other peers.

import { describe, expect, spyOn, test } from 'bun:test';
import { type MeshError, ok, silentLog, VirtualClock } from '../../base/index.ts';
import {
  apartPendingCharsMax,
  apartPendingMax,
  clientFeaturesMax,
  firstRequestWaitMs,
  nackTextMax,
  nameLengthMax,
  nodeMetadataBytesMax,
  nodeTextMax,
  peerBytesMax,
  pictureNamesMin,
  picturesAtOnceMax,
  pictureWaitMs,
  requestBytesMax,
  silentStreamsMax,
  streamsMax,
  streamsPerPeerMax,
  streamsPerSubjectMax,
  subscribedNamesMax,
  workSliceMs,
} from '../limits.ts';
import { createSnapshot } from '../snapshot/create-snapshot.ts';
import { RawClient } from '../testing/raw-client.ts';
import { clusterOf, endpointsOf, TestSource, testNode } from '../testing/resources.ts';
import { type SnapshotSource, typeUrls, type XdsNode, type XdsResource } from '../types.ts';
import { Admission, type AdmittedStream } from './admission.ts';
import { AdsServer } from './ads-server.ts';
import { subscribeDelta } from './delta.ts';
import { TypeState } from './type-state.ts';

const { cluster, endpoint } = typeUrls;

function createWorld(...resources: XdsResource[]) {
  const clock = new VirtualClock();
  const source = new TestSource();
  source.set(createSnapshot(resources.length > 0 ? resources : [clusterOf('a'), endpointsOf('a')]));
  const nodes: XdsNode[] = [];
  const server = new AdsServer({
    clock,
    log: silentLog,
    snapshotFor: (node) => {
      nodes.push(node);
      return source;
    },
  });
  const connect = (peer = '') => new RawClient(server, 'delta', peer);
  return { clock, source, server, nodes, connect };
}

const long = (length: number) => 'x'.repeat(length);
const manyNames = (count: number) => Array.from({ length: count }, (_, i) => `n${i}`);
const held = (count: number, text = '1') => new Map(manyNames(count).map((name) => [name, text]));

describe('a stream is ended by', () => {
  const cases: readonly [string, string, (client: RawClient) => void][] = [
    [
      'a request that is too long',
      `at most ${requestBytesMax}`,
      (client) => client.raw(new Uint8Array(requestBytesMax + 1)),
    ],
    [
      'metadata that is too long',
      `at most ${nodeMetadataBytesMax}`,
      (client) =>
        client.delta(cluster, { node: { ...testNode, metadata: { a: long(nodeMetadataBytesMax) } } }),
    ],
    [
      'an id that is too long',
      `at most ${nodeTextMax}`,
      (client) => client.delta(cluster, { node: { ...testNode, id: long(nodeTextMax + 1) } }),
    ],
    [
      'a name that is too long',
      `at most ${nameLengthMax}`,
      (client) => client.delta(endpoint, { subscribe: [long(nameLengthMax + 1)] }),
    ],
    [
      'a name to unsubscribe that is too long',
      `at most ${nameLengthMax}`,
      (client) => client.delta(endpoint, { unsubscribe: [long(nameLengthMax + 1)] }),
    ],
    [
      'a name it holds that is too long',
      `at most ${nameLengthMax}`,
      (client) => client.delta(endpoint, { initialVersions: new Map([[long(nameLengthMax + 1), '1']]) }),
    ],
    [
      'too many names',
      `more than ${subscribedNamesMax} names`,
      (client) => client.delta(endpoint, { subscribe: manyNames(subscribedNamesMax + 1) }),
    ],
    [
      'too many names, one by one',
      `more than ${subscribedNamesMax} names`,
      (client) => {
        client.delta(endpoint, { subscribe: manyNames(subscribedNamesMax) });
        client.delta(endpoint, { subscribe: ['one-more'] });
      },
    ],
    [
      'one name too often',
      `more than ${subscribedNamesMax} names`,
      (client) => client.delta(endpoint, { subscribe: Array(subscribedNamesMax + 1).fill('a') }),
    ],
    [
      'too many names given up',
      `more than ${subscribedNamesMax} names`,
      (client) => client.delta(endpoint, { unsubscribe: manyNames(subscribedNamesMax + 1) }),
    ],
    [
      'too many resources that it holds',
      `more than ${subscribedNamesMax} names`,
      // An entry of a map: field 5 of four bytes, its field 1 of two.
      (client) =>
        client.raw(
          Uint8Array.from({ length: 6 * (subscribedNamesMax + 1) }, (_, i) => [42, 4, 10, 2, 97, 97][i % 6]!),
        ),
    ],
    [
      'a type that is too long',
      `at most ${nameLengthMax}`,
      (client) => client.delta(long(nameLengthMax + 1), { subscribe: ['a'] }),
    ],
    [
      'a nonce that is too long',
      `at most ${nameLengthMax}`,
      (client) => client.delta(cluster, { nonce: long(nameLengthMax + 1) }),
    ],
    [
      'more answers to invented types than may wait for who reads nothing',
      'wait to be read',
      (client) => {
        client.writable = false;
        client.delta(cluster);
        for (let i = 0; i <= apartPendingMax; i++) client.delta(`type.example/${i}`, { subscribe: ['x'] });
      },
    ],
    [
      'longer ones',
      'wait to be read',
      (client) => {
        client.writable = false;
        client.delta(cluster);
        const subscribe = Array.from({ length: apartPendingCharsMax / 1_024 }, (_, i) => long(1_000) + i);
        for (let i = 0; i < 3; i++) client.delta('type.example/a', { subscribe });
      },
    ],
  ];
  test.each(cases)('%s', (_name, reason, act) => {
    const { connect, server } = createWorld();
    const client = connect();
    act(client);
    expect(client.closedBy?.message).toContain(reason);
    expect(server.streamCount).toBe(0);
  });

  test.each([
    ['too many names', { names: manyNames(subscribedNamesMax + 1) }, `more than ${subscribedNamesMax} names`],
    ['one too often', { names: Array(subscribedNamesMax + 1).fill('a') }, `more than ${subscribedNamesMax}`],
    ['a version that is too long', { version: long(nameLengthMax + 1) }, `at most ${nameLengthMax}`],
  ])('SotW: %s', (_name, request, reason) => {
    const { server } = createWorld();
    const client = new RawClient(server, 'sotw');
    client.sotw(cluster, request);
    expect(client.closedBy?.message).toContain(reason);
  });

  test('silence', () => {
    const { connect, clock } = createWorld();
    const [silent, spoken] = [connect(), connect()];
    spoken.delta(cluster);
    clock.advanceBy(firstRequestWaitMs);
    expect([silent.closedBy?.code, spoken.closedBy]).toEqual(['head-timeout', undefined]);
  });
});

test('what is longest allowed is taken', () => {
  const { connect, nodes } = createWorld();
  const client = connect();
  const features = Array.from({ length: clientFeaturesMax + 5 }, (_, i) => `f${i}`);
  client.delta(endpoint, {
    node: { ...testNode, id: long(nodeTextMax), clientFeatures: features },
    subscribe: [long(nameLengthMax)],
  });
  expect(client.closedBy).toBe(undefined);
  expect([nodes[0]?.id.length, nodes[0]?.clientFeatures.length]).toEqual([nodeTextMax, clientFeaturesMax]);
});

test('streams that say nothing push each other out, and no one else', () => {
  const { connect, server } = createWorld();
  const good = connect('10.0.0.1');
  good.delta(cluster);
  const silent = Array.from({ length: silentStreamsMax + 10 }, () => connect('10.0.0.2'));
  expect(server.streamCount).toBe(silentStreamsMax + 1);
  expect(silent.filter((one) => one.closedBy !== undefined).length).toBe(10);
  const late = connect('10.0.0.3');
  late.delta(cluster);
  expect([late.news(), good.closedBy]).toEqual([['Cluster +a'], undefined]);
});

test('invented types leave nothing behind, and are answered', () => {
  const { connect, server } = createWorld();
  const client = connect();
  for (let i = 0; i < 10_000; i++) client.delta(`type.example/${long(500)}${i}`, { subscribe: ['*', 'x'] });
  expect(client.received.length).toBe(10_000);
  expect(client.last(`type.example/${long(500)}7`).removed).toEqual(['x']);
  expect([client.closedBy, server.status()[0]?.types.length]).toEqual([undefined, 0]);
});

test('answers to invented types wait until the client reads, and come in order', () => {
  const { connect } = createWorld();
  const client = connect();
  client.writable = false;
  client.delta(cluster);
  client.news();
  for (let i = 0; i < apartPendingMax; i++) client.delta(`type.example/${i}`, { subscribe: [`x${i}`] });
  expect([client.received.length, client.closedBy]).toEqual([0, undefined]);
  client.setWritable();
  expect(client.news()).toEqual(Array.from({ length: apartPendingMax }, (_, i) => `example/${i} -x${i}`));
});

test.each<[string, (client: RawClient) => void]>([
  ['what it holds', (client) => client.delta(cluster, { subscribe: ['*'], initialVersions: held(1_000) })],
  [
    'names that it gives up again while all is wanted',
    (client) => {
      client.delta(cluster, { subscribe: ['*'] });
      client.delta(cluster, { subscribe: manyNames(1_000) });
      client.delta(cluster, { unsubscribe: manyNames(1_000) });
    },
  ],
])('who reads nothing is charged for %s', (_name, say) => {
  const charge = spyOn(Admission.prototype, 'charge');
  const client = createWorld().connect('10.0.0.1');
  client.writable = false;
  client.delta(endpoint);
  say(client);
  const charged = charge.mock.calls.reduce((sum, [, bytes]) => sum + bytes, 0);
  charge.mockRestore();
  expect(charged).toBeGreaterThan(1_000 * 48);
});

test('what a client holds that is gone is charged for until it was told and has answered', () => {
  const state = new TypeState(endpoint);
  const request = {
    typeUrl: endpoint,
    nonce: '',
    subscribe: ['*'],
    unsubscribe: [],
    node: null,
    error: null,
  };
  subscribeDelta(state, { ...request, initialVersions: held(1_000) }, new Map());
  expect(state.bytesHeld).toBeGreaterThan(100_000);
  const removed = [...state.leaving.values()];
  const response = { nonce: '1', version: '', sentAtMs: 0, sent: [], removed, trial: null };
  state.leaving.clear();
  state.sending(response);
  expect(state.bytesHeld).toBeGreaterThan(100_000);
  state.takeAnswered('1');
  expect(state.bytesHeld).toBe(0);
});

test('of a name given up that is not there nothing stays, be it wanted with all or not', () => {
  const { connect } = createWorld();
  const client = connect();
  client.delta(cluster, { subscribe: ['*'] });
  client.ack(cluster);
  client.news();
  client.delta(cluster, { unsubscribe: ['never', 'asked'] });
  expect(client.news()).toEqual([]);
});

test('a long text of a NACK is read at its beginning alone', () => {
  const { connect, server } = createWorld();
  const client = connect();
  client.delta(cluster);
  client.ack(cluster, [], long(1_000_000));
  expect(server.status()[0]?.types[0]?.error.length).toBe(nackTextMax);
});

test('one subject has so many streams wherever it calls from, and a place is free when one ends', () => {
  const { server, nodes } = createWorld();
  const caller = (subject: string) => ({
    name: subject,
    subjectOf: () => subject,
    introduce: (node: XdsNode) => ok(node),
  });
  let opened = 0;
  const connectAs = (subject: string) => {
    const client = new RawClient(server, 'delta', `10.0.0.${opened++}`, caller(subject));
    // Each would be another scope.
    client.delta(cluster, { node: { ...testNode, metadata: { capture: opened % 2 === 0, opened } } });
    return client;
  };
  const own = Array.from({ length: streamsPerSubjectMax }, () => connectAs('shop/Pod/web-1'));
  const excess = connectAs('shop/Pod/web-1');
  expect(excess.closedBy).toMatchObject({ code: 'overflow' });
  expect(excess.closedBy?.message).toContain(`more than ${streamsPerSubjectMax} streams of shop/Pod/web-1`);
  expect([nodes.length, server.streamCount]).toEqual([streamsPerSubjectMax, streamsPerSubjectMax]);
  expect(connectAs('shop/Pod/web-2').closedBy).toBe(undefined);
  expect(own.filter(({ closedBy }) => closedBy !== undefined)).toEqual([]);
  own[0]?.hangUp();
  expect(connectAs('shop/Pod/web-1').closedBy).toBe(undefined);
  expect(connectAs('shop/Pod/web-1').closedBy?.code).toBe('overflow');
});

describe('admission', () => {
  class Stream implements AdmittedStream {
    readonly peer: string;
    readonly admission: Admission;
    reason: string | null = null;
    constructor(admission: Admission, peer: string) {
      this.admission = admission;
      this.peer = peer;
    }
    evict(reason: string): void {
      this.reason = reason;
      this.admission.leave(this, 0);
    }
  }

  function fill(admission: Admission, peer: string, count: number): Stream[] {
    return Array.from({ length: count }, () => {
      const stream = new Stream(admission, peer);
      expect(admission.enter(stream)).toBe(null);
      admission.introduce(stream, null);
      return stream;
    });
  }

  test('one peer has a share', () => {
    const admission = new Admission();
    fill(admission, 'a', streamsPerPeerMax);
    expect(admission.enter(new Stream(admission, 'a'))).toContain(`${streamsPerPeerMax} streams of one peer`);
    expect(admission.enter(new Stream(admission, 'b'))).toBe(null);
  });

  test('where all is taken, the greediest peer makes room for another, and not for itself', () => {
    const admission = new Admission();
    const peers = Array.from({ length: streamsMax / streamsPerPeerMax }, (_, i) =>
      fill(admission, `greedy${i}`, streamsPerPeerMax),
    );
    const good = new Stream(admission, 'good');
    expect([admission.enter(good), admission.streamCount]).toEqual([null, streamsMax]);
    const victims = peers.flat().filter((stream) => stream.reason !== null);
    expect(victims.map(({ reason }) => reason)).toEqual([expect.stringContaining("this peer's")]);
    const own = victims[0]?.peer ?? '';
    expect(admission.enter(new Stream(admission, own))).toContain(`more than ${streamsMax}`);
    expect(good.reason).toBe(null);
  });

  test('what one peer makes us remember has an end, and comes back', () => {
    const admission = new Admission();
    const [a] = fill(admission, 'a', 1);
    const [b] = fill(admission, 'b', 1);
    if (a === undefined || b === undefined) throw new Error('not admitted');
    expect(admission.charge(a, peerBytesMax)).toBe(true);
    expect([admission.charge(a, 1), admission.charge(b, 1)]).toEqual([false, true]);
    expect(admission.charge(a, -10)).toBe(true);
    expect(admission.charge(a, 10)).toBe(true);
    admission.leave(a, peerBytesMax);
    const [again] = fill(admission, 'a', 1);
    expect(again !== undefined && admission.charge(again, peerBytesMax)).toBe(true);
  });
});

describe('first pictures', () => {
  const many = Array.from({ length: pictureNamesMin + 1 }, (_, i) => endpointsOf(`e${i}`));
  const names = many.map(({ name }) => name);

  test('go to so many at once; those that do not read lose their turn', () => {
    const { connect, clock } = createWorld(...many);
    const deaf = Array.from({ length: picturesAtOnceMax }, () => connect());
    for (const client of deaf) client.delta(endpoint, { subscribe: names });
    expect(deaf.every((client) => client.news().length === 1)).toBe(true);
    const good = connect();
    good.delta(endpoint, { subscribe: names });
    expect(good.news()).toEqual([]);
    clock.advanceBy(pictureWaitMs);
    expect(good.news()).toHaveLength(1);
  });

  test('an answer frees the place at once', () => {
    const { connect } = createWorld(...many);
    const first = Array.from({ length: picturesAtOnceMax }, () => connect());
    for (const client of first) client.delta(endpoint, { subscribe: names });
    const next = connect();
    next.delta(endpoint, { subscribe: names });
    first[3]?.ack(endpoint);
    expect(next.news()).toHaveLength(1);
  });

  test('a small change waits for nobody’s picture', () => {
    const { connect, source } = createWorld(...many, clusterOf('c'));
    const served = connect();
    served.delta(cluster);
    served.ack(cluster);
    served.news();
    for (let i = 0; i < picturesAtOnceMax; i++) connect().delta(endpoint, { subscribe: names });
    source.set(createSnapshot([...many, clusterOf('c', 1)], source.current()));
    expect(served.news()).toEqual(['Cluster +c']);
  });
});

describe('one stream’s failure', () => {
  test('is its own: the others are served', () => {
    const clock = new VirtualClock();
    const good = new TestSource();
    good.set(createSnapshot([clusterOf('a')]));
    const broken: SnapshotSource = {
      current: () => {
        throw new Error('a bug');
      },
      watch: (watcher) => good.watch(watcher),
    };
    const closed: (MeshError | null)[] = [];
    const server = new AdsServer({
      clock,
      log: silentLog,
      snapshotFor: (node) => (node.id === 'broken' ? broken : good),
    });
    const [bad, fine] = [new RawClient(server, 'delta'), new RawClient(server, 'delta')];
    bad.delta(cluster, { node: { ...testNode, id: 'broken' } });
    fine.delta(cluster);
    closed.push(bad.closedBy ?? null);
    expect(closed[0]).toMatchObject({ code: 'internal', retry: 'yes' });
    expect(fine.news()).toEqual(['Cluster +a']);
  });

  test('the work of a publish is done in slices', () => {
    class SlowClock extends VirtualClock {
      override precise(): number {
        return super.precise() + this.spent;
      }
      spent = 0;
    }
    const clock = new SlowClock();
    const source = new TestSource();
    source.set(createSnapshot([clusterOf('a')]));
    const server = new AdsServer({
      clock,
      log: silentLog,
      snapshotFor: () => ({
        current: () => {
          clock.spent += workSliceMs / 2;
          return source.current();
        },
        watch: (watcher) => source.watch(watcher),
      }),
    });
    const clients = Array.from({ length: 6 }, () => new RawClient(server, 'delta'));
    for (const client of clients) {
      client.delta(cluster);
      client.ack(cluster);
      client.news();
    }
    source.set(createSnapshot([clusterOf('a', 1)], source.current()));
    const served = () => clients.filter((client) => client.received.length > 0).length;
    const before = served();
    expect(before).toBeLessThan(6);
    for (let i = 0; i < 20; i++) clock.advanceBy(1);
    expect(served()).toBe(6);
  });
});
