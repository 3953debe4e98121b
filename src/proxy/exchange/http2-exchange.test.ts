import { expect, test } from 'bun:test';
import { createResponseHead } from '../../wire/index.ts';
import {
  clusterConfig,
  endpointConfig,
  http2Settings,
  httpOptions,
  ip,
  listenerConfig,
} from '../testing/configs.ts';
import { type Http2Asked, Http2Client, Http2Origin } from '../testing/http2-peers.ts';
import { World } from '../testing/world.ts';

const grpc = [['content-type', 'application/grpc']] as const;

interface Served {
  readonly world: World;
  readonly origin: Http2Origin;
  readonly client: Http2Client;
  /** Lines of the access log. */
  log(): readonly Record<string, unknown>[];
}

function serve(): Served {
  let text = '';
  const world = new World({
    createLogSink: () => ({
      write(bytes, handler) {
        text += Buffer.from(bytes).toString();
        handler.onWritten(null);
      },
      reopen() {},
      close() {},
    }),
  });
  const origin = new Http2Origin(world.network, ip(9100), world.clock);
  world.apply({
    listeners: [listenerConfig({ http: httpOptions({ accessLog: { path: 'stdout' } }) })],
    clusters: [clusterConfig({ http2: http2Settings })],
    endpoints: { ledger: [endpointConfig(origin.port)] },
  });
  const client = new Http2Client(world.network, world.listenAddress, world.clock);
  world.run(10);
  const log = () =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { world, origin, client, log };
}

/** Begins an answer and leaves it there. */
function begin(asked: Http2Asked, fields: readonly (readonly [string, string])[]): void {
  asked.stream.sendResponse(createResponseHead(200, fields), false);
  asked.send('half of it');
}

test('a gRPC answer that is cut short ends with a status', () => {
  const { world, origin, client } = serve();
  origin.respond = (asked) => begin(asked, grpc);
  const call = client.request('POST', '/bank.Ledger/Get', grpc, 'x');
  world.run(10);
  for (const { socket } of origin.connections) socket.reset();
  world.run(10);
  expect(call.body).toBe('half of it');
  expect(call.error).toBeNull();
  expect(call.trailers?.getName('grpc-status')).toBe('14');
  expect(world.cluster().stats.truncated).toBe(1);
  expect(world.listener().stats.responses[5]).toBe(1);
  expect(world.cluster().endpoints[0]?.attemptsFailed).toBe(1);
  world.expectSettled();
});

test('another answer that is cut short is reset', () => {
  const { world, origin, client } = serve();
  origin.respond = (asked) => begin(asked, [['content-type', 'text/plain']]);
  const call = client.request('GET', '/');
  world.run(10);
  for (const { socket } of origin.connections) socket.reset();
  world.run(10);
  expect(call.ended).toBe(false);
  expect(call.error?.code).toBe('peer-reset');
  world.expectSettled();
});

test('a gRPC answer without a status counts as failed', () => {
  const { world, origin, client } = serve();
  origin.respond = (asked) => asked.reply(200, 'message', grpc);
  const call = client.request('POST', '/bank.Ledger/Get', grpc, 'x');
  world.run(10);
  expect(call.ended).toBe(true);
  expect(world.listener().stats.responses[5]).toBe(1);
  expect(world.cluster().endpoints[0]?.attemptsFailed).toBe(1);
  world.expectSettled();
});

test('a head that is refused is counted and logged', () => {
  const { world, client, log } = serve();
  const wrong = client.request('GET', '/', [
    ['content-type', 'a'],
    ['content-length', '5'],
  ]);
  const long = client.request('GET', '/', [['x-long', 'a'.repeat(62_000)]]);
  world.run(2000);
  expect(wrong.error?.code).toBe('peer-reset');
  expect(long.status).toBe(431);
  const { stats } = world.listener();
  expect(stats.requests).toBe(2);
  expect(stats.protocolErrors).toBe(2);
  expect(stats.responses[4]).toBe(1);
  expect(
    log().map((line) => [line['response_code'], line['response_flags'], line['response_code_details']]),
  ).toEqual([
    [0, 'DPE', 'a body differs from its Content-Length'],
    [431, 'DPE', 'a head is above headerListBytesMax or headerCountMax'],
  ]);
  world.expectSettled();
});
