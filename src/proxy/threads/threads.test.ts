// What threads counted and what they say, without threads.

import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Issue, silentLog, VirtualClock } from '../../base/index.ts';
import { createFileSink, type LogSink, type LogSinkHandler } from '../../observe/index.ts';
import { typeUrls, virtualHostType, type XdsResource } from '../../xds/index.ts';
import { adsSource } from '../config/index.ts';
import { ClusterStats, ListenerStats, Tallies } from '../stats/index.ts';
import { noCounts } from './collect.ts';
import { addCounts, countsOf } from './counts.ts';
import { Fleet } from './fleet.ts';
import { RemoteSinks, SharedSinks } from './log-sinks.ts';
import type { FromThread, ToThread } from './messages.ts';

const event = fc.record({
  thread: fc.nat(2),
  kind: fc.nat(6),
  amount: fc.integer({ min: -3, max: 9 }),
  status: fc.constantFrom(200, 404, 503),
});

function happen(
  stats: ClusterStats,
  { kind, amount, status }: { kind: number; amount: number; status: number },
) {
  switch (kind) {
    case 0:
      stats.requests += 1;
      break;
    case 1:
      // A gauge of one thread may be below 0 only in this test; the sum is what is shown.
      stats.active += amount;
      break;
    case 2:
      stats.upstreamAnswers.count(status);
      break;
    case 3:
      stats.latency.record(amount / 10);
      break;
    case 4:
      stats.countRetry('status-5xx');
      break;
    case 5:
      stats.outlier.enforced.consecutive_5xx += 1;
      break;
    default:
      stats.ssl.ciphers.set('a', (stats.ssl.ciphers.get('a') ?? 0) + 1);
  }
}

describe('counts', () => {
  test('of virtual clusters add up, members and all', () => {
    const [here, there] = [new Tallies(), new Tallies()].map((tallies) => {
      const tally = tallies.find('vcluster', 'shop', 'posts');
      tally.attempts += 2;
      tally.answers.count(503);
      tally.latency.record(0.01);
      return tally;
    });
    addCounts(here!, structuredClone(countsOf(there)));
    expect([here!.attempts, here!.answers.statuses.get(503), here!.latency.count]).toEqual([4, 2, 2]);
    expect(here!.name).toBe('posts');
  });

  test('added up are what one thread would have counted', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const threads = [new ClusterStats(), new ClusterStats(), new ClusterStats()];
        const one = new ClusterStats();
        for (const each of events) {
          happen(threads[each.thread]!, each);
          happen(one, each);
        }
        const merged = new ClusterStats();
        for (const stats of threads) addCounts(merged, structuredClone(countsOf(stats)));
        // Sums of fractions differ in their last digit by the order of adding.
        expect(merged.latency.sum).toBeCloseTo(one.latency.sum, 9);
        merged.latency.sum = one.latency.sum;
        expect(merged).toEqual(one);
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  test('of what never happened are nothing', () => {
    expect(countsOf(new ClusterStats())).toBeUndefined();
    expect(countsOf(new ListenerStats())).toBeUndefined();
  });
});

class TestPort {
  readonly sent: ToThread[] = [];
  receive: (message: FromThread) => void = () => {};
  post(message: ToThread): void {
    this.sent.push(message);
  }
  listen(receive: (message: FromThread) => void): void {
    this.receive = receive;
  }
  take<K extends ToThread['kind']>(kind: K): Extract<ToThread, { kind: K }>[] {
    const taken = this.sent.filter((message) => message.kind === kind);
    return taken as Extract<ToThread, { kind: K }>[];
  }
}

function createFleet(accepted: readonly XdsResource[] = []) {
  const clock = new VirtualClock();
  const ports = [new TestPort(), new TestPort()] as const;
  const looks: string[] = [];
  const wanted: string[] = [];
  const fleet = new Fleet({
    clock,
    log: silentLog,
    ports,
    sinks: new SharedSinks(createFileSink),
    onLook: (cluster) => looks.push(cluster),
    accepted: (_typeUrl, name) => accepted.find((resource) => resource.name === name) ?? null,
    onWanted: (_typeUrl, names) => wanted.push(names.map(({ name }) => name).join(' ')),
    wantedOf: (_typeUrl, name) =>
      name === 't/none' ? 'absent' : (accepted.find((one) => one.name === name) ?? null),
  });
  return { clock, fleet, ports, looks, wanted };
}

const issue: Issue = { object: 'a', field: 'address', rule: 'cannot be bound', value: '' };

describe('the other threads', () => {
  test('have an update in force when all say so, and what any refuses is refused once', async () => {
    const { fleet, ports } = createFleet();
    const applied = fleet.apply({ typeUrl: typeUrls.cluster, version: '1', changed: [], removed: ['a'] }, []);
    const ids = ports.map((port) => port.take('update')[0]!.id);
    let issues: readonly Issue[] | null = null;
    void applied.then((all) => {
      issues = all;
    });
    ports[0].receive({ kind: 'applied', id: ids[0]!, issues: [issue] });
    await Promise.resolve();
    expect(issues).toBeNull();
    ports[1].receive({ kind: 'applied', id: ids[1]!, issues: [issue] });
    expect(await applied).toEqual([issue]);
  });

  test('that have not started keep the proxy from serving', () => {
    const { fleet, ports } = createFleet();
    expect(fleet.obstacles.map(({ object }) => object)).toEqual(['thread 2', 'thread 3']);
    ports[0].receive({ kind: 'state', state: { obstacles: [], issues: [], listeners: [] } });
    ports[1].receive({ kind: 'state', state: { obstacles: [issue], issues: [issue], listeners: [] } });
    expect([fleet.obstacles, fleet.issues]).toEqual([[issue], [issue]]);
  });

  test('get again what they forgot and the control plane does not send twice', () => {
    const resource = { name: 'a', version: '1', typeUrl: typeUrls.endpoint, bytes: new Uint8Array(1) };
    const { ports } = createFleet([resource]);
    const subscribe = (names: readonly string[]) =>
      ports[0].receive({ kind: 'subscribe', typeUrl: typeUrls.endpoint, names });
    subscribe(['a', 'b']);
    subscribe(['a', 'b', 'c']);
    expect(ports[0].take('update').map(({ update }) => update.changed)).toEqual([[resource]]);
    subscribe(['b']);
    subscribe(['a', 'b']);
    expect(ports[0].take('update').length).toBe(2);
    expect(ports[1].take('update').length).toBe(0);
  });

  test('are told of virtual hosts that the first has or knows to be none, and what they use is used', () => {
    const host = { name: 't/a', version: '1', typeUrl: virtualHostType, bytes: new Uint8Array(1) };
    const { ports, wanted } = createFleet([host]);
    const want = (...names: readonly string[]) =>
      ports[0].receive({
        kind: 'wanted',
        typeUrl: virtualHostType,
        wanted: names.map((name) => ({ name, source: adsSource })),
      });
    want('t/a', 't/none', 't/unknown');
    want('t/a', 't/unknown');
    expect(wanted).toEqual(['t/a t/none t/unknown', 't/a t/unknown']);
    expect(ports[0].take('update').map(({ update }) => [update.changed, update.removed])).toEqual([
      [[{ ...host, aliases: ['t/a'] }], ['t/none']],
    ]);
  });

  test('say what they counted in slices; one that does not answer is shown as it was', async () => {
    const { fleet, ports, clock } = createFleet();
    const answer = (port: TestPort, requests: number) => {
      const { id } = port.take('collect').at(-1)!;
      const cluster = { name: 'c', stats: { requests }, endpoints: [] };
      port.receive({ kind: 'counts', id, counts: { ...noCounts, requests }, last: false });
      port.receive({ kind: 'counts', id, counts: { ...noCounts, clusters: [cluster] }, last: true });
    };
    const first = fleet.collect();
    expect(fleet.collect()).toBe(first);
    answer(ports[0], 1);
    answer(ports[1], 2);
    await first;
    expect(fleet.counts.map(({ requests }) => requests)).toEqual([1, 2]);
    expect(fleet.counts.map(({ clusters }) => clusters[0]?.stats)).toEqual([
      { requests: 1 },
      { requests: 2 },
    ]);
    const second = fleet.collect();
    answer(ports[0], 5);
    clock.advanceBy(2_000);
    await second;
    expect(fleet.counts.map(({ requests }) => requests)).toEqual([5, 2]);
    // Its late answer belongs to nobody's question any more, but is right.
    answer(ports[1], 7);
    expect(fleet.counts.map(({ requests }) => requests)).toEqual([5, 7]);
  });

  test('look when one of them changed what they share, the one that did it too', () => {
    const { ports, looks } = createFleet();
    ports[0].receive({ kind: 'look', cluster: 'c' });
    expect(looks).toEqual(['c']);
    expect(ports.map((port) => port.take('look').length)).toEqual([1, 1]);
  });

  test('that do not end do not keep the process', async () => {
    const { fleet, ports, clock } = createFleet();
    const stopped = fleet.stop();
    ports[0].receive({ kind: 'stopped' });
    clock.advanceBy(3_000);
    await stopped;
    expect(ports[1].take('stop').length).toBe(1);
  });
});

describe('logs of several threads', () => {
  test('are written one piece after the other, and closed with the last that has them', () => {
    const written: string[] = [];
    let pending: LogSinkHandler | null = null;
    let closed = 0;
    const file: LogSink = {
      write(bytes, handler) {
        expect(pending).toBeNull();
        written.push(Buffer.from(bytes).toString());
        pending = handler;
      },
      reopen: () => void written.push('(reopened)'),
      close() {
        closed += 1;
      },
    };
    const done = () => {
      const handler = pending;
      pending = null;
      handler?.onWritten(null);
    };
    const shared = new SharedSinks(() => file);
    const own = shared.open('a');
    const told: (string | null)[] = [];
    const remote = new RemoteSinks((path, bytes) =>
      shared.write(path, bytes, { onWritten: (error) => remote.onWritten(path, error?.message ?? null) }),
    );
    const other = remote.open('a');
    const handler = { onWritten: (error: Error | null) => void told.push(error?.message ?? null) };
    other.write(Buffer.from('1'), handler);
    own.write(Buffer.from('2'), handler);
    own.reopen();
    expect(written).toEqual(['1', '(reopened)']);
    done();
    done();
    expect([written, told]).toEqual([
      ['1', '(reopened)', '2'],
      [null, null],
    ]);
    const again = shared.open('a');
    own.close();
    expect(closed).toBe(0);
    again.close();
    expect(closed).toBe(1);
    other.write(Buffer.from('3'), handler);
    expect(told.at(-1)).toBe('the log is closed');
  });
});
