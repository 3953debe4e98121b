import { expect, test } from 'bun:test';
import { type MeshError, VirtualClock } from '../../base/index.ts';
import { clientStatusBytesMax, clientStatusPendingMax } from '../limits.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import { createSnapshot } from '../snapshot/create-snapshot.ts';
import { createTestServer, RawClient } from '../testing/raw-client.ts';
import { clusterOf, TestSource } from '../testing/resources.ts';
import { typeUrls, type XdsResource } from '../types.ts';
import { findClientStatus } from './client-status.ts';
import { statusOf } from './grpc-protocol.ts';

const path = '/envoy.service.status.v3.ClientStatusDiscoveryService/StreamClientStatus';
const everything = new Uint8Array(0);

function start(resources: readonly XdsResource[], isOpen = true) {
  const source = new TestSource();
  source.set(createSnapshot(resources));
  const { server } = createTestServer(new VirtualClock(), source);
  const client = new RawClient(server, 'delta');
  client.delta(typeUrls.cluster, { subscribe: ['*'] });
  const answers: number[] = [];
  const ends: (MeshError | null)[] = [];
  let writable = true;
  const call = findClientStatus(path, server, isOpen)!({
    send: (pieces) => {
      answers.push(pieces.reduce((sum, { length }) => sum + length, 0));
      return writable;
    },
    close: (error) => void ends.push(error),
  });
  return { call, answers, ends, setWritable: (value: boolean) => (writable = value) };
}

test('each question has its answer, and the end comes after the last', () => {
  const { call, answers, ends } = start([clusterOf('a')]);
  call.onMessage(everything);
  call.onMessage(everything);
  expect([answers.length, ends]).toEqual([2, []]);
  call.onRequestEnd?.();
  expect(ends).toEqual([null]);
});

test('a client that does not read is not answered further, and has so many questions', () => {
  const { call, answers, ends, setWritable } = start([clusterOf('a')]);
  setWritable(false);
  for (let question = 0; question <= clientStatusPendingMax; question++) call.onMessage(everything);
  expect([answers.length, ends]).toEqual([1, []]);
  call.onWritable();
  expect(answers.length).toBe(2);
  call.onMessage(everything);
  call.onMessage(everything);
  expect(ends[0]?.message).toContain(`more than ${clientStatusPendingMax} questions`);
});

test('an answer has a bound, and without the resources it is small', () => {
  const large = { ...clusterOf('a'), bytes: new Uint8Array(clientStatusBytesMax + 1) };
  const { call, answers, ends } = start([large]);
  const brief = new WireWriter();
  brief.bool(3, true);
  call.onMessage(brief.finish());
  expect([answers.length, (answers[0] ?? 0) < 1_000]).toEqual([1, true]);
  call.onMessage(everything);
  expect([statusOf(ends[0] ?? null), ends[0]?.message]).toEqual([
    8,
    expect.stringContaining('ask by node_matchers'),
  ]);
});

test.each([
  ['bytes that are none', [0xff], 'ends inside a number'],
  ['a matcher of metadata', [0x0a, 2, 0x12, 0], 'node_metadatas'],
  ['a regular expression', [0x0a, 4, 0x0a, 2, 0x2a, 0], 'neither exact, prefix, suffix nor contains'],
  ['no pattern', [0x0a, 2, 0x0a, 0], 'without a pattern'],
])('%s: refused', (_name, bytes, words) => {
  const { call, ends } = start([]);
  call.onMessage(Uint8Array.from(bytes));
  expect([statusOf(ends[0] ?? null), ends[0]?.message]).toEqual([3, expect.stringContaining(words)]);
});

test('where callers are proven nobody of them is told', async () => {
  const { call, answers, ends } = start([clusterOf('a')], false);
  call.onMessage(everything);
  await Promise.resolve();
  expect([answers, statusOf(ends[0] ?? null)]).toEqual([[], 7]);
});
