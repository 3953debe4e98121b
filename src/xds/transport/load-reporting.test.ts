import { expect, test } from 'bun:test';
import { fail, type MeshError, ok, VirtualClock } from '../../base/index.ts';
import type { XdsCaller } from '../caller.ts';
import { encodeNode } from '../discovery/node.ts';
import {
  firstRequestWaitMs,
  loadClustersMax,
  loadEntriesMax,
  loadLocalitiesMax,
  loadStreamsMax,
  loadStreamsPerPeerMax,
} from '../limits.ts';
import { WireReader } from '../protobuf/wire-reader.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import { LoadReports } from '../server/load-reports.ts';
import { testNode } from '../testing/resources.ts';
import type { XdsNode } from '../types.ts';
import { statusOf } from './grpc-protocol.ts';
import { LoadStream } from './load-reporting.ts';

const reporter = { ...testNode, clientFeatures: ['envoy.lrs.supports_send_all_clusters'] };

function message(field: number, write: (writer: WireWriter) => void, into = new WireWriter()): WireWriter {
  const inner = new WireWriter();
  write(inner);
  into.bytes(field, inner.finish());
  return into;
}

/** One locality of one cluster: 3 issued, 2 well, 1 not, 4 in progress, 5 dropped. */
function reportOf(cluster: string, zones: readonly string[], into = new WireWriter()): Uint8Array {
  return message(
    2,
    (stats) => {
      stats.string(1, cluster);
      for (const zone of zones) message(2, (locality) => writeLocality(locality, zone), stats);
      stats.uint(3, 5);
    },
    into,
  ).finish();
}

function writeLocality(writer: WireWriter, zone: string): void {
  message(1, (locality) => locality.string(2, zone), writer);
  writer.uint(2, 2);
  writer.uint(3, 4);
  writer.uint(4, 1);
  writer.uint(8, 3);
}

function hello(node: XdsNode = reporter): Uint8Array {
  const writer = new WireWriter();
  writer.bytes(1, encodeNode(node));
  return writer.finish();
}

function start(loads = createLoads(), caller: XdsCaller | null = null, clock = new VirtualClock()) {
  const answers: Uint8Array[] = [];
  const ends: (MeshError | null)[] = [];
  const stream = {
    send: ([piece]: readonly Uint8Array[]) => answers.push(piece ?? new Uint8Array(0)) > 0,
    close: (error: MeshError | null) => void ends.push(error),
  };
  return { call: new LoadStream({ loads, clock, stream, peer: 'p', caller }), answers, ends, clock, loads };
}

function createLoads(known: Set<string> = new Set(['bank/ledger:80'])): LoadReports {
  return new LoadReports({
    knows: (cluster) => known.has(cluster),
    hasEndpoints: () => true,
    intervalMs: 1_500,
  });
}

test('a client is asked once for all clusters and no endpoints, and what it says is summed', () => {
  const { call, answers, ends, loads } = start();
  call.onMessage(hello());
  const fields = new Map<number, unknown>();
  const reader = new WireReader(answers[0] ?? new Uint8Array(0));
  while (reader.next()) fields.set(reader.field, reader.field === 2 ? [...reader.view()] : reader.varint());
  expect(fields).toEqual(
    new Map<number, unknown>([
      [2, [0x08, 1, 0x10, 0x80, 0xca, 0xb5, 0xee, 0x01]],
      [4, 1],
    ]),
  );
  for (let report = 0; report < 2; report++) call.onMessage(reportOf('bank/ledger:80', ['a', 'b']));
  expect([answers.length, ends]).toEqual([1, []]);
  const counts = { issued: 6, succeeded: 4, failed: 2 };
  expect(loads.list()).toEqual([
    {
      cluster: 'bank/ledger:80',
      dropped: 10,
      localities: new Map([
        ['/a', counts],
        ['/b', counts],
      ]),
    },
  ]);
  expect(loads.byNode().get(testNode.id)).toMatchObject({
    ...{ issued: 12, succeeded: 8, failed: 4, dropped: 10, inProgress: 8, clusters: 1, streams: 1 },
  });
  call.onClose();
  expect([loads.streamCount, loads.byNode().size, loads.list().length]).toEqual([0, 0, 1]);
});

test('of clusters that the mesh does not know, or no more, nothing is kept', () => {
  const known = new Set(['bank/ledger:80']);
  const { call, loads } = start(createLoads(known));
  call.onMessage(hello());
  call.onMessage(reportOf('else', ['a']));
  expect([loads.unknown, loads.list()]).toEqual([1, []]);
  call.onMessage(reportOf('bank/ledger:80', ['a']));
  expect(loads.list()).toHaveLength(1);
  known.clear();
  expect(loads.list()).toEqual([]);
});

test('localities beyond their bound, and such as the cluster has no endpoints in, are summed', () => {
  const zones = Array.from({ length: loadLocalitiesMax + 3 }, (_, zone) => `z${zone}`);
  const theirs = new Set(zones.map((zone) => `/${zone}`));
  const loads = new LoadReports({
    knows: () => true,
    hasEndpoints: (_, locality) => theirs.has(locality),
    intervalMs: 1_500,
  });
  const { call } = start(loads);
  call.onMessage(hello());
  const issuedOf = (locality: string) => loads.list()[0]?.localities.get(locality)?.issued;
  // Who comes first with what it made up takes no place of the true ones.
  for (let report = 0; report < 10; report++)
    call.onMessage(
      reportOf(
        'bank/ledger:80',
        zones.map((zone) => `made-up-${report}-${zone}`),
      ),
    );
  expect([...(loads.list()[0]?.localities.keys() ?? [])]).toEqual(['other']);
  const madeUp = 10 * zones.length * 3;
  expect(issuedOf('other')).toBe(madeUp);
  call.onMessage(reportOf('bank/ledger:80', zones));
  expect(issuedOf('/z0')).toBe(3);
  expect(loads.list()[0]?.localities.size).toBe(loadLocalitiesMax);
  expect(issuedOf('other')).toBe(madeUp + 4 * 3);
  // Where endpoints are no more, others may be counted.
  theirs.delete('/z0');
  call.onMessage(reportOf('bank/ledger:80', ['z34']));
  expect([issuedOf('/z0'), issuedOf('/z34'), issuedOf('other')]).toEqual([undefined, 3, madeUp + 5 * 3]);
});

test('so many clusters are counted', () => {
  const loads = new LoadReports({ knows: () => true, hasEndpoints: () => true });
  const client = loads.enter('p');
  if (typeof client === 'string') throw new Error(client);
  const report = Array.from({ length: loadClustersMax + 2 }, (_, index) => ({
    ...{ cluster: `c${index}`, dropped: 0, localities: [] },
  }));
  loads.take(client, report, 1);
  expect([loads.list().length, loads.unknown, client.clusters]).toEqual([
    loadClustersMax,
    2,
    loadClustersMax,
  ]);
});

test('a peer has so many streams, and a server', async () => {
  const loads = createLoads();
  for (let peer = 0; peer < loadStreamsMax / loadStreamsPerPeerMax; peer++) {
    for (let stream = 0; stream < loadStreamsPerPeerMax; stream++) loads.enter(`p${peer || ''}`);
    if (peer > 0) continue;
    const { call, ends } = start(loads);
    call.onMessage(hello());
    await Promise.resolve();
    expect(ends[0]?.message).toBe(`${loadStreamsPerPeerMax} streams of this peer report already`);
  }
  expect(loads.enter('q')).toBe(`${loadStreamsMax} clients report their load already`);
});

test('a stream without a first request ends', () => {
  const { ends, clock, loads } = start();
  clock.advanceBy(firstRequestWaitMs);
  expect([ends[0]?.code, loads.streamCount]).toEqual(['request-timeout', 0]);
});

const many = (() => {
  const writer = new WireWriter();
  for (let entry = 0; entry <= loadEntriesMax; entry++) writer.bytes(2, new Uint8Array(0));
  return writer.finish();
})();

test.each([
  ['no node', new Uint8Array(0), 'has no node'],
  ['a client that wants a list', hello(testNode), 'no client feature envoy.lrs.supports_send_all_clusters'],
  ['bytes that are none', Uint8Array.of(0xff), 'ends inside a number'],
  ['more than its bound', many, `more than ${loadEntriesMax} clusters and localities`],
])('%s: refused', (_name, bytes, words) => {
  const { call, ends, loads } = start();
  call.onMessage(bytes);
  expect([statusOf(ends[0] ?? null), ends[0]?.message]).toEqual([3, expect.stringContaining(words)]);
  expect(loads.streamCount).toBe(0);
});

test('all that a node says on its streams is summed, until they end', () => {
  const loads = createLoads();
  const [one, other] = [start(loads), start(loads)];
  for (const { call } of [one, other]) call.onMessage(hello());
  one.call.onMessage(reportOf('bank/ledger:80', ['a']));
  other.call.onMessage(reportOf('bank/ledger:80', ['a', 'b']));
  start(loads);
  expect([...loads.byNode().keys()]).toEqual([testNode.id]);
  expect(loads.byNode().get(testNode.id)).toMatchObject({
    ...{ issued: 9, succeeded: 6, failed: 3, dropped: 10, inProgress: 12, clusters: 2, streams: 2 },
  });
  one.call.onClose();
  expect(loads.byNode().get(testNode.id)).toMatchObject({ issued: 6, inProgress: 8, streams: 1 });
});

test('who is proven reports as who it is, for as long as it is', () => {
  let isThere = true;
  const caller: XdsCaller = {
    name: 'web',
    subjectOf: () => 'shop/Pod/web',
    introduce: (node) =>
      isThere ? ok({ ...node, id: 'web' }) : fail({ fault: 'permission-denied', reason: 'the Pod is gone' }),
  };
  const { call, ends, loads } = start(createLoads(), caller);
  call.onMessage(hello());
  expect([...loads.byNode().keys()]).toEqual(['web']);
  isThere = false;
  call.onMessage(reportOf('bank/ledger:80', ['a']));
  expect([statusOf(ends[0] ?? null), loads.list(), loads.streamCount]).toEqual([7, [], 0]);
});
