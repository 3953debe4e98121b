import { describe, expect, test } from 'bun:test';
import { type Issue, reconnectDelayMs, silentLog, VirtualClock, Xoshiro128 } from '../../base/index.ts';
import { encodeDeltaResponse, joinPieces } from '../discovery/encode.ts';
import {
  acksQueuedMax,
  reconnectBaseMs,
  reconnectMaxMs,
  resourceWaitMs,
  responsesQueuedMax,
} from '../limits.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import { RawServer } from '../testing/raw-server.ts';
import { clusterOf, endpointsOf, testNode } from '../testing/resources.ts';
import { type AdsVariant, typeUrls, virtualHostType, type XdsSubscriber, type XdsUpdate } from '../types.ts';
import { AdsClient } from './ads-client.ts';

const { cluster, endpoint } = typeUrls;

class Recorder implements XdsSubscriber {
  readonly updates: string[] = [];
  readonly connections: boolean[] = [];
  /** Names that this subscriber refuses. */
  refuses: readonly string[] = [];
  refusesWhole = false;
  onNext: ((update: XdsUpdate) => void) | null = null;

  onUpdate(update: XdsUpdate): readonly Issue[] {
    const changed = update.changed.map(({ name }) => `+${name}`);
    this.updates.push([...changed, ...update.removed.map((name) => `-${name}`)].join(' '));
    this.onNext?.(update);
    if (this.refusesWhole) return [{ object: 'all', field: '', rule: 'is refused', value: '' }];
    return update.changed
      .filter(({ name }) => this.refuses.includes(name))
      .map(({ name }) => ({ object: name, field: 'lb_policy', rule: 'is not supported', value: '' }));
  }

  onConnection(connected: boolean): void {
    this.connections.push(connected);
  }

  take(): string[] {
    return this.updates.splice(0);
  }
}

function createWorld(variant: AdsVariant) {
  const clock = new VirtualClock();
  const server = new RawServer();
  const subscriber = new Recorder();
  const random = new Xoshiro128(7);
  const client = new AdsClient({
    transport: server,
    variant,
    clock,
    random,
    node: testNode,
    subscriber,
    log: silentLog,
  });
  const nack = () => client.status().types[0]?.nack;
  return { clock, server, subscriber, client, nack };
}

describe('SotW client', () => {
  test('introduces itself once, asks for all by no names, and answers with version and nonce', () => {
    const { client, server } = createWorld('sotw');
    client.subscribe(cluster, '*');
    client.subscribe(endpoint, ['a']);
    client.start();
    const [first, second] = server.take();
    expect(first).toMatchObject({
      typeUrl: cluster,
      names: [],
      version: '',
      nonce: '',
      node: testNode,
      error: null,
    });
    expect(second).toMatchObject({ typeUrl: endpoint, names: ['a'], node: null });
    server.sotw(cluster, '1', 'n1', [clusterOf('a')]);
    expect(server.take()).toMatchObject([
      { typeUrl: cluster, version: '1', nonce: 'n1', names: [], error: null },
    ]);
  });

  test('what is missing in a complete response is removed', () => {
    const { client, server, subscriber } = createWorld('sotw');
    client.subscribe(cluster, '*');
    client.start();
    server.sotw(cluster, '1', 'n1', [clusterOf('a'), clusterOf('b')]);
    server.sotw(cluster, '2', 'n2', [clusterOf('b'), clusterOf('c')]);
    server.sotw(cluster, '3', 'n3', []);
    expect(subscriber.take()).toEqual(['+a +b', '+c -a', '-b -c']);
  });

  test('what is missing in a partial response means nothing', () => {
    const { client, server, subscriber } = createWorld('sotw');
    client.subscribe(endpoint, ['a', 'b']);
    client.start();
    server.sotw(endpoint, '1', 'n1', [endpointsOf('a'), endpointsOf('b')]);
    server.sotw(endpoint, '2', 'n2', [endpointsOf('a', 2)]);
    server.sotw(endpoint, '3', 'n3', []);
    expect(subscriber.take()).toEqual(['+a +b', '+a']);
    expect(server.take().at(-1)).toMatchObject({ version: '3', nonce: 'n3', error: null });
  });

  test('only what changed is handed on', () => {
    const { client, server, subscriber } = createWorld('sotw');
    client.subscribe(cluster, '*');
    client.start();
    server.sotw(cluster, '1', 'n1', [clusterOf('a'), clusterOf('b')]);
    server.sotw(cluster, '2', 'n2', [clusterOf('a'), clusterOf('b', 1)]);
    expect(subscriber.take()).toEqual(['+a +b', '+b']);
  });

  test('a NACK keeps the last version, names each fault, and the good rest is applied', () => {
    const { client, server, subscriber, nack } = createWorld('sotw');
    client.subscribe(cluster, '*');
    client.start();
    server.sotw(cluster, '1', 'n1', [clusterOf('a')]);
    subscriber.refuses = ['b', 'c'];
    server.sotw(cluster, '2', 'n2', [clusterOf('a'), clusterOf('b'), clusterOf('c'), clusterOf('d')]);
    const error = 'b: lb_policy: is not supported; c: lb_policy: is not supported';
    expect(server.take().at(-1)).toMatchObject({ version: '1', nonce: 'n2', error });
    expect(nack()).toBe(error);
    subscriber.refuses = [];
    subscriber.take();
    server.sotw(cluster, '3', 'n3', [clusterOf('a'), clusterOf('b'), clusterOf('c'), clusterOf('d')]);
    expect(subscriber.take()).toEqual(['+b +c']);
    expect(nack()).toBeNull();
  });

  test('a faulty resource is not a removed one', () => {
    const { client, server, subscriber } = createWorld('sotw');
    client.subscribe(cluster, '*');
    client.start();
    server.sotw(cluster, '1', 'n1', [clusterOf('a')]);
    subscriber.refuses = ['a'];
    server.sotw(cluster, '2', 'n2', [clusterOf('a', 1)]);
    expect(subscriber.take()).toEqual(['+a', '+a']);
    expect(client.status().types[0]).toMatchObject({ known: 1, version: '1' });
  });

  test.each([
    [
      'a name twice',
      [clusterOf('a'), clusterOf('a', 1), clusterOf('b')],
      'a: occurs twice in one response',
      ['+b'],
    ],
    ['another type', [endpointsOf('a'), clusterOf('b')], `a: must be a ${cluster} (got ${endpoint})`, ['+b']],
    [
      'no name',
      [{ ...clusterOf('a'), bytes: new Uint8Array() }, clusterOf('b')],
      `${cluster}: has a resource without a name`,
      ['+b'],
    ],
  ])('%s in one response is refused', (_name, resources, error, applied) => {
    const { client, server, subscriber } = createWorld('sotw');
    client.subscribe(cluster, '*');
    client.start();
    server.sotw(cluster, '1', 'n1', resources);
    expect(server.take().at(-1)).toMatchObject({ version: '', nonce: 'n1', error });
    expect(subscriber.take()).toEqual(applied);
  });

  test('a reconnect repeats the last version and no nonce', () => {
    const { client, server, clock } = createWorld('sotw');
    client.subscribe(cluster, '*');
    client.start();
    server.sotw(cluster, '1', 'n1', [clusterOf('a')]);
    server.take();
    server.fail();
    clock.advanceBy(reconnectBaseMs);
    expect(server.take()).toMatchObject([{ typeUrl: cluster, version: '1', nonce: '', node: testNode }]);
  });

  test.each([
    ['names after all', ['*', ['a']], [[], ['a']]],
    ['all after names', [['a'], '*'], [['a'], ['*']]],
    ['all and a name', ['*', ['*', 'a']], [[], ['*', 'a']]],
    ['nothing after names', [['a'], []], [['a'], []]],
    ['the same again', [['a'], ['a']], [['a']]],
  ] as const)('asking for %s', (_name, wants, expected) => {
    const { client, server } = createWorld('sotw');
    client.start();
    for (const want of wants) client.subscribe(cluster, want);
    expect(server.take().map(({ names }) => names)).toEqual(expected.map((names) => [...names]));
  });

  test('a wrapped resource is unwrapped', () => {
    const { client, server, subscriber } = createWorld('sotw');
    client.subscribe(endpoint, ['a']);
    client.start();
    const wrapped = new WireWriter();
    wrapped.string(1, '5');
    const any = new WireWriter();
    any.string(1, endpoint);
    any.bytes(2, endpointsOf('a').bytes);
    wrapped.bytes(2, any.finish());
    wrapped.string(3, 'a');
    server.sotw(endpoint, '1', 'n1', [
      {
        ...endpointsOf('a'),
        typeUrl: 'type.googleapis.com/envoy.service.discovery.v3.Resource',
        bytes: wrapped.finish(),
      },
    ]);
    expect(subscriber.take()).toEqual(['+a']);
  });
});

describe('delta client', () => {
  test('subscribes by difference', () => {
    const { client, server } = createWorld('delta');
    client.subscribe(endpoint, ['a', 'b']);
    client.start();
    client.subscribe(endpoint, ['b', 'c']);
    client.subscribe(endpoint, ['b', 'c']);
    expect(server.take().map(({ subscribe, unsubscribe }) => [subscribe, unsubscribe])).toEqual([
      [['a', 'b'], []],
      [['c'], ['a']],
    ]);
  });

  test('a reconnect states every name and every version held', () => {
    const { client, server, clock } = createWorld('delta');
    client.subscribe(endpoint, ['a', 'b']);
    client.start();
    server.delta(endpoint, '1', [endpointsOf('a')]);
    server.take();
    server.fail();
    clock.advanceBy(reconnectBaseMs);
    expect(server.take()).toMatchObject([
      { subscribe: ['a', 'b'], initialVersions: new Map([['a', endpointsOf('a').version]]), nonce: '' },
    ]);
  });

  test('what was refused is not said to be held', () => {
    const { client, server, clock, subscriber } = createWorld('delta');
    client.subscribe(cluster, '*');
    client.start();
    subscriber.refuses = ['b'];
    server.delta(cluster, '1', [clusterOf('a'), clusterOf('b')]);
    expect(server.take().at(-1)).toMatchObject({ nonce: '1', error: 'b: lb_policy: is not supported' });
    server.fail();
    clock.advanceBy(reconnectBaseMs);
    expect([...server.take()[0]!.initialVersions.keys()]).toEqual(['a']);
  });

  test('an update refused as a whole holds nothing', () => {
    const { client, server, subscriber } = createWorld('delta');
    client.subscribe(cluster, '*');
    client.start();
    subscriber.refusesWhole = true;
    server.delta(cluster, '1', [clusterOf('a')]);
    expect(client.status().types[0]).toMatchObject({ known: 0, nack: 'all: is refused' });
  });

  test('every response is answered, in order, also those that came while the stream was full', () => {
    const { client, server } = createWorld('delta');
    client.subscribe(cluster, '*');
    client.start();
    server.take();
    server.writable = false;
    for (let i = 1; i <= 3; i++) server.delta(cluster, String(i), [clusterOf('a', i)]);
    expect(server.take().map(({ nonce }) => nonce)).toEqual(['1']);
    server.writable = true;
    server.handler?.onWritable();
    expect(server.take().map(({ nonce }) => nonce)).toEqual(['2', '3']);
  });

  test('answers that cannot be sent are bounded', () => {
    const { client, server } = createWorld('delta');
    client.subscribe(cluster, '*');
    server.writable = false;
    client.start();
    for (let i = 0; i < acksQueuedMax * 2; i++) server.delta(cluster, String(i), []);
    server.writable = true;
    server.handler?.onWritable();
    expect(server.take().length).toBe(1 + acksQueuedMax);
  });

  test('removed, never held and unknown names', () => {
    const { client, server, subscriber } = createWorld('delta');
    client.subscribe(endpoint, ['a', 'x']);
    client.start();
    server.delta(endpoint, '1', [endpointsOf('a')], ['x', 'stranger']);
    server.delta(endpoint, '2', [], ['a', 'x']);
    server.delta(endpoint, '3', [endpointsOf('x')]);
    expect(subscriber.take()).toEqual(['+a -x', '-a', '+x']);
  });

  test('a heartbeat changes nothing; content that is missing is refused', () => {
    const { client, server, subscriber, nack } = createWorld('delta');
    client.subscribe(endpoint, ['a']);
    client.start();
    server.delta(endpoint, '1', [endpointsOf('a')]);
    server.handler?.onMessage(heartbeat('a', endpointsOf('a').version));
    expect([subscriber.take(), nack()]).toEqual([['+a'], null]);
    server.handler?.onMessage(heartbeat('a', 'another'));
    expect([subscriber.take(), nack()]).toEqual([[], 'a: has no content']);
  });

  test('what has a time to live is gone after it, with or without a stream, unless it is renewed', () => {
    const { client, server, subscriber, clock } = createWorld('delta');
    client.subscribe(endpoint, ['a', 'b']);
    client.start();
    server.delta(endpoint, '1', [endpointsOf('a'), endpointsOf('b')]);
    const { version } = endpointsOf('a');
    server.handler?.onMessage(heartbeat('a', version, 10.5));
    expect(subscriber.take()).toEqual(['+a +b']);
    clock.advanceBy(8_000);
    server.handler?.onMessage(heartbeat('a', version, 10.5));
    clock.advanceBy(10_499);
    expect(subscriber.take()).toEqual([]);
    clock.advanceBy(1);
    expect(subscriber.take()).toEqual(['-a']);
    server.delta(endpoint, '2', [endpointsOf('a')]);
    server.handler?.onMessage(heartbeat('a', version, 5));
    server.fail();
    clock.advanceBy(5_000);
    expect(subscriber.take()).toEqual(['+a', '-a']);
  });

  test('a time to live ends with an answer that has none', () => {
    const { client, server, subscriber, clock } = createWorld('delta');
    client.subscribe(endpoint, ['a']);
    client.start();
    server.delta(endpoint, '1', [endpointsOf('a')]);
    server.handler?.onMessage(heartbeat('a', endpointsOf('a').version, 5));
    server.handler?.onMessage(heartbeat('a', endpointsOf('a').version));
    clock.advanceBy(60_000);
    expect(subscriber.take()).toEqual(['+a']);
  });

  test('a name both changed and removed is refused', () => {
    const { client, server, subscriber, nack } = createWorld('delta');
    client.subscribe(endpoint, ['a']);
    client.start();
    server.delta(endpoint, '1', [endpointsOf('a')], ['a']);
    expect([subscriber.take(), nack()]).toEqual([[], 'a: is both changed and removed in one response']);
  });

  test('what came for a name no longer wanted is dropped', () => {
    const { client, server, subscriber } = createWorld('delta');
    client.subscribe(endpoint, ['a']);
    client.start();
    client.subscribe(endpoint, []);
    server.delta(endpoint, '1', [endpointsOf('a')]);
    expect([subscriber.take(), client.status().types[0]?.known]).toEqual([[], 0]);
  });

  test('the subscriber may subscribe while it takes an update', () => {
    const { client, server, subscriber } = createWorld('delta');
    subscriber.onNext = (update) => {
      if (update.typeUrl === cluster)
        client.subscribe(
          endpoint,
          update.changed.map(({ name }) => name),
        );
    };
    client.subscribe(cluster, '*');
    client.start();
    server.take();
    server.delta(cluster, '1', [clusterOf('a')]);
    expect(server.take().map(({ typeUrl, subscribe, nonce }) => [typeUrl, subscribe, nonce])).toEqual([
      [endpoint, ['a'], ''],
      [cluster, [], '1'],
    ]);
    expect(client.missing(endpoint)).toEqual(['a']);
    server.delta(endpoint, '2', [endpointsOf('a')]);
    expect(client.missing(endpoint)).toEqual([]);
  });
});

/** A Resource with a name and a version and nothing else, but perhaps a time to live. */
function heartbeat(name: string, version: string, ttlSeconds: number | null = null): Uint8Array {
  const writer = new WireWriter();
  const resource = new WireWriter();
  resource.string(1, version);
  resource.string(3, name);
  if (ttlSeconds !== null) {
    const duration = new WireWriter();
    duration.uint(1, Math.floor(ttlSeconds));
    duration.uint(2, (ttlSeconds % 1) * 1e9);
    resource.bytes(6, duration.finish());
  }
  writer.bytes(2, resource.finish());
  writer.raw(joinPieces(encodeDeltaResponse(endpoint, '', 'heartbeat', [], [])));
  return writer.finish();
}

describe.each(['sotw', 'delta'] as const)('%s client', (variant) => {
  test('a name that nobody answers does not exist after its time, counted on an open stream', () => {
    const { client, server, subscriber, clock } = createWorld(variant);
    client.subscribe(endpoint, ['a', 'b', 'c']);
    clock.advanceBy(resourceWaitMs * 2);
    client.start();
    clock.advanceBy(resourceWaitMs / 2);
    server.respond(variant, endpoint, '1', [endpointsOf('b')]);
    client.subscribe(endpoint, ['a', 'b', 'c', 'd']);
    expect(subscriber.take()).toEqual(['+b']);
    clock.advanceBy(resourceWaitMs / 2 - 1);
    expect(subscriber.take()).toEqual([]);
    clock.advanceBy(1);
    expect(subscriber.take()).toEqual(['-a -c']);
    clock.advanceBy(resourceWaitMs / 2);
    expect(subscriber.take()).toEqual(['-d']);
    clock.advanceBy(resourceWaitMs * 10);
    expect(subscriber.take()).toEqual([]);
  });

  test('reconnects for ever, ever slower, and at once fast again after an answer', () => {
    const { client, server, clock, subscriber } = createWorld(variant);
    client.subscribe(cluster, '*');
    client.start();
    const waits: number[] = [];
    for (let i = 0; i < 12; i++) {
      server.fail();
      const [before, failedAt] = [server.opened, clock.now()];
      while (server.opened === before) clock.runNext();
      waits.push(clock.now() - failedAt);
    }
    expect(waits[0]!).toBeLessThanOrEqual(reconnectBaseMs + 1);
    expect(Math.max(...waits)).toBeLessThanOrEqual(reconnectMaxMs + 1);
    expect(waits.at(-1)!).toBeGreaterThanOrEqual(reconnectMaxMs / 2);
    expect(client.status()).toMatchObject({
      state: 'connecting',
      attempts: 13,
      lastError: 'the stream was reset',
    });
    expect(subscriber.connections.includes(true)).toBe(false);
    server.respond(variant, cluster, '1', []);
    expect(client.status()).toMatchObject({ state: 'connected', attempts: 0 });
    server.fail();
    clock.advanceBy(reconnectBaseMs + 1);
    expect(client.status().state).toBe('connecting');
  });

  test('a late call of a stream that was given up changes nothing', () => {
    const { client, server, clock, subscriber } = createWorld(variant);
    client.subscribe(cluster, '*');
    client.start();
    const old = server.handler;
    server.fail();
    clock.advanceBy(reconnectBaseMs);
    expect(server.opened).toBe(2);
    old?.onClose(null);
    old?.onMessage(joinPieces(encodeDeltaResponse(cluster, '1', 'n', [clusterOf('a')], [])));
    expect([subscriber.take(), client.status().state]).toEqual([[], 'connecting']);
  });

  test('bytes that are no message end the stream, not the client', () => {
    const { client, server, clock } = createWorld(variant);
    client.subscribe(cluster, '*');
    client.start();
    server.handler?.onMessage(new Uint8Array([0xff]));
    expect(client.status()).toMatchObject({
      state: 'backoff',
      lastError: expect.stringContaining('ends inside'),
    });
    clock.advanceBy(reconnectBaseMs);
    expect(server.opened).toBe(2);
  });

  test('stops for good', () => {
    const { client, server, clock } = createWorld(variant);
    client.subscribe(cluster, '*');
    client.start();
    client.stop();
    expect([server.handler, clock.armedCount, client.status().state]).toEqual([null, 0, 'stopped']);
    server.fail();
    clock.advanceBy(reconnectMaxMs);
    expect(server.opened).toBe(1);
  });
});

test('delays before reconnecting are spread over the upper half of each step', () => {
  const random = new Xoshiro128(1);
  for (let attempt = 1; attempt < 40; attempt++) {
    const step = Math.min(reconnectMaxMs, reconnectBaseMs * 2 ** (attempt - 1));
    const delays = Array.from({ length: 50 }, () =>
      reconnectDelayMs(attempt, reconnectBaseMs, reconnectMaxMs, random),
    );
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(step / 2);
    expect(Math.max(...delays)).toBeLessThan(step);
    expect(new Set(delays).size).toBeGreaterThan(45);
  }
});

describe('a subscriber of several threads', () => {
  function createThreads() {
    const world = createWorld('sotw');
    const { subscriber } = world;
    const waiting: ((issues: readonly Issue[]) => void)[] = [];
    const onUpdate = subscriber.onUpdate.bind(subscriber);
    (subscriber as XdsSubscriber).onUpdate = (update) => {
      const issues = onUpdate(update);
      return new Promise((resolve) => waiting.push((more) => resolve([...issues, ...more])));
    };
    const settle = async (issues: readonly Issue[] = []) => {
      waiting.shift()?.(issues);
      await Promise.resolve();
      await Promise.resolve();
    };
    world.client.subscribe(cluster, '*');
    world.client.start();
    world.server.take();
    return { ...world, settle };
  }

  test('the answer waits until all have taken it in, and the next response waits too', async () => {
    const { server, subscriber, settle } = createThreads();
    server.sotw(cluster, '1', 'n1', [clusterOf('a')]);
    server.sotw(cluster, '2', 'n2', [clusterOf('a'), clusterOf('b')]);
    expect([server.take(), subscriber.take()]).toEqual([[], ['+a']]);
    await settle();
    expect(server.take()).toMatchObject([{ version: '1', nonce: 'n1', error: null }]);
    expect(subscriber.take()).toEqual(['+b']);
    await settle();
    expect(server.take()).toMatchObject([{ version: '2', nonce: 'n2', error: null }]);
  });

  test('what one of them refuses is refused', async () => {
    const { server, settle, nack } = createThreads();
    server.sotw(cluster, '1', 'n1', [clusterOf('a')]);
    await settle([{ object: 'a', field: 'lb_policy', rule: 'is not supported', value: '' }]);
    expect(server.take()).toMatchObject([{ version: '', nonce: 'n1' }]);
    expect(nack()).toContain('lb_policy: is not supported');
  });

  test('a stream that ended meanwhile gets no answer, and what it left is forgotten', async () => {
    const { server, settle, clock, subscriber } = createThreads();
    server.sotw(cluster, '1', 'n1', [clusterOf('a')]);
    server.sotw(cluster, '2', 'n2', []);
    server.fail();
    clock.advanceBy(reconnectMaxMs);
    server.take();
    await settle();
    expect([server.take(), subscriber.take()]).toEqual([[], ['+a']]);
    server.sotw(cluster, '3', 'n3', [clusterOf('b')]);
    expect(subscriber.take()).toEqual(['+b -a']);
  });

  test('a server that goes on and on without an answer loses its stream', () => {
    const { server, subscriber } = createThreads();
    server.sotw(cluster, 'x', 'x', [clusterOf('a')]);
    for (let at = 0; at <= responsesQueuedMax; at++) server.sotw(cluster, `${at}`, `n${at}`, []);
    expect(subscriber.connections).toEqual([true, false]);
  });
});

describe('virtual hosts', () => {
  const host = (name: string, version = '1', aliases: readonly string[] = []) => ({
    ...clusterOf(name),
    version,
    typeUrl: virtualHostType,
    aliases,
  });

  function connect() {
    const world = createWorld('delta');
    world.client.subscribe(virtualHostType, '*');
    world.client.start();
    const want = (...names: readonly string[]) => world.client.subscribe(virtualHostType, ['*', ...names]);
    const send = (
      nonce: string,
      hosts: readonly ReturnType<typeof host>[],
      removed: readonly string[] = [],
    ) => world.server.delta(virtualHostType, nonce, hosts, removed);
    return { ...world, want, send };
  }

  test('are asked for by no name at first, as Envoy does, and then by theirs', () => {
    const { server, want, send } = connect();
    expect(server.take()).toMatchObject([{ typeUrl: virtualHostType, subscribe: [] }]);
    want('t/a');
    send('n1', [host('t/a')]);
    server.fail();
    expect(server.take().map(({ subscribe }) => subscribe)).toEqual([['t/a'], []]);
  });

  test('come under another name, and go by that', () => {
    const { subscriber, server, want, send, clock } = connect();
    want('t/a', 't/b');
    send('n1', [host('t/x', '1', ['t/a', 't/b'])]);
    send('n2', [host('t/x', '2')]);
    server.fail();
    server.take();
    clock.advanceBy(reconnectMaxMs);
    const [again] = server.take();
    expect(again?.subscribe).toEqual(['*', 't/a', 't/b']);
    expect([...(again?.initialVersions ?? [])]).toEqual([['t/x', '2']]);
    send('n3', [], ['t/x']);
    send('n4', [host('t/x', '3', ['t/b'])]);
    expect(subscriber.take()).toEqual(['+t/x', '+t/x', '-t/x', '+t/x']);
  });

  test('one that is held is told again to whoever asks for it by a further name', () => {
    const { subscriber, want, send } = connect();
    send('n1', [host('t/x')]);
    want('t/a');
    send('n2', [host('t/x', '1', ['t/a'])]);
    send('n3', [host('t/x', '1', ['t/a'])]);
    expect(subscriber.take()).toEqual(['+t/x', '+t/x']);
  });

  test('one without content does not exist', () => {
    const { server, subscriber, client, want } = connect();
    want('t/a');
    const absent = joinPieces(encodeDeltaResponse(virtualHostType, 'v', 'n1', [], [], ['t/a']));
    server.handler?.onMessage(absent);
    expect([subscriber.take(), client.missing(virtualHostType)]).toEqual([['-t/a'], []]);
  });

  test('one that is given up by its name is news when all that there is brings it again', () => {
    const { subscriber, want, send } = connect();
    want('t/a');
    send('n1', [host('t/a')]);
    want();
    send('n2', [host('t/a')]);
    expect(subscriber.take()).toEqual(['+t/a', '+t/a']);
  });
});
