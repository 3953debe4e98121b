import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { createResponseHead } from '../../../wire/index.ts';
import type { FilterConfig } from '../../config/filter-types.ts';
import {
  clusterConfig,
  endpointConfig,
  http2Settings,
  httpOptions,
  ip,
  listenerConfig,
} from '../../testing/configs.ts';
import type { HttpAsked } from '../../testing/http-ends.ts';
import { Http2Client, Http2Origin } from '../../testing/http2-peers.ts';
import { World } from '../../testing/world.ts';
import { MessageCounter } from './message-counter.ts';
import { TextDecoding } from './web-frames.ts';

const message = '\0\0\0\0\x05hello';
const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64');
const frame = (text: string) => `\x80\0\0\0${String.fromCharCode(text.length)}${text}`;
const grpc = [['content-type', 'application/grpc']] as const;

function serve(...configs: readonly FilterConfig[]) {
  const world = new World();
  const origin = new Http2Origin(world.network, ip(9100), world.clock);
  origin.respond = (asked) => asked.reply(200, message, grpc, [['grpc-status', '0']]);
  const filters = configs.map((config, index) => ({ name: `f${index}`, disabled: false, config }));
  world.apply({
    listeners: [listenerConfig({ http: httpOptions({ filters }) })],
    clusters: [clusterConfig({ http2: http2Settings })],
    endpoints: { ledger: [endpointConfig(origin.port)] },
  });
  const client = new Http2Client(world.network, world.listenAddress, world.clock);
  world.run(10);
  const call = (fields: readonly (readonly [string, string])[], body: string, path = '/bank.Ledger/Get') => {
    const asked = client.request('POST', path, fields, body);
    world.run(10);
    return asked;
  };
  return { world, origin, client, call };
}

const web = { kind: 'grpc-web' } as const;

describe('gRPC-Web', () => {
  test('as bytes: the trailers are the last frame', () => {
    const { call, origin, world } = serve(web);
    const asked = call([['content-type', 'application/grpc-web+proto']], message);
    const head = origin.asked[0]?.head;
    expect([head?.getName('content-type'), head?.getName('te'), origin.asked[0]?.body]).toEqual([
      'application/grpc',
      'trailers',
      message,
    ]);
    expect(asked.head?.getName('content-type')).toBe('application/grpc-web+proto');
    expect(asked.body).toBe(message + frame('grpc-status:0\r\n'));
    expect(asked.trailers).toBeNull();
    world.expectSettled();
  });

  test('as text, both ways', () => {
    const { call, origin } = serve(web);
    const type = 'application/grpc-web-text';
    const asked = call(
      [
        ['content-type', type],
        ['accept', type],
      ],
      base64(message),
    );
    expect(origin.asked[0]?.body).toBe(message);
    expect(asked.head?.getName('content-type')).toBe('application/grpc-web-text+proto');
    expect(asked.body).toBe(base64(message) + base64(frame('grpc-status:0\r\n')));
  });

  test('over HTTP/1.1', () => {
    const { world } = serve(web);
    const client = world.client().post('/bank.Ledger/Get', message, ['content-type: application/grpc-web']);
    world.run(100);
    expect(client.received).toContain('HTTP/1.1 200');
    expect(client.received).toContain(frame('grpc-status:0\r\n'));
  });

  test('an answer without messages has its status in its head', () => {
    const { call, origin } = serve(web);
    origin.respond = (asked) => asked.reply(200, '', [...grpc, ['grpc-status', '5']]);
    const asked = call([['content-type', 'application/grpc-web']], message);
    expect([asked.head?.getName('grpc-status'), asked.body, asked.ended]).toEqual(['5', '', true]);
  });

  test('an answer of HTTP alone becomes a status', () => {
    const { call, origin } = serve(web);
    origin.respond = (asked) => asked.reply(503, 'sorry', [['content-type', 'text/plain']]);
    const asked = call([['content-type', 'application/grpc-web']], message);
    expect(asked.body).toBe(frame('grpc-status:14\r\ngrpc-message:HTTP status 503\r\n'));
  });

  test('an answer that is cut short says so in its body', () => {
    const { call, origin, world } = serve(web);
    origin.respond = (asked) => {
      asked.stream.sendResponse(createResponseHead(200, grpc), false);
      asked.send(message);
    };
    const asked = call([['content-type', 'application/grpc-web']], message);
    for (const { socket } of origin.connections) socket.reset();
    world.run(10);
    expect([asked.ended, asked.error]).toEqual([true, null]);
    expect(asked.body).toStartWith(`${message}\x80`);
    expect(asked.body).toContain('grpc-status:14\r\n');
  });

  test('what the proxy answers itself is of gRPC-Web', () => {
    const { call, world } = serve(web);
    world.apply({
      clusters: [],
      listeners: [
        listenerConfig({ http: httpOptions({ filters: [{ name: 'f0', disabled: false, config: web }] }) }),
      ],
    });
    const asked = call([['content-type', 'application/grpc-web']], message);
    expect([asked.head?.getName('content-type'), asked.head?.getName('grpc-status')]).toEqual([
      'application/grpc-web+proto',
      '14',
    ]);
  });

  test('text that is no base64 is refused', () => {
    const { call } = serve(web);
    const asked = call([['content-type', 'application/grpc-web-text']], 'AAA');
    expect(asked.head?.getName('grpc-status')).toBe('13');
  });

  test('other requests pass as they are', () => {
    const { call } = serve(web);
    const asked = call(grpc, message);
    expect([asked.body, asked.trailers?.getName('grpc-status')]).toEqual([message, '0']);
  });

  test('text that was padded and split anywhere is read as it was', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 })),
        fc.integer({ min: 1, max: 9 }),
        (parts, step) => {
          const text = Buffer.from(parts.map((part) => Buffer.from(part).toString('base64')).join(''));
          const decoding = new TextDecoding();
          const made: Uint8Array[] = [];
          for (let at = 0; at < text.length; at += step)
            made.push(decoding.write(text, at, Math.min(at + step, text.length)));
          decoding.end();
          expect(Buffer.concat(made)).toEqual(Buffer.concat(parts));
        },
      ),
    );
  });
});

describe('grpc_stats', () => {
  const samples = (world: World) =>
    [...world.listener().filters.filters[0]!.samples()].map(
      ({ name, value, labels }) => `${labels?.['envoy_grpc_bridge_method'] ?? ''} ${name} ${value}`,
    );

  test('methods, statuses and messages', () => {
    const { call, origin, world } = serve({
      kind: 'grpc-stats',
      methods: 'all',
      replacesDots: false,
      upstreamTimes: false,
      keepsState: false,
    });
    call(grpc, message + message);
    origin.respond = (asked) => asked.reply(200, '', [...grpc, ['grpc-status', '5']]);
    call(grpc, message);
    expect(samples(world)).toEqual([
      'Get cluster_grpc_success 1',
      'Get cluster_grpc_failure 1',
      'Get cluster_grpc_total 2',
      'Get cluster_grpc_request_message_count 3',
      'Get cluster_grpc_response_message_count 1',
      'Get cluster_grpc_0 1',
      'Get cluster_grpc_5 1',
    ]);
  });

  test("how long endpoints took, from the request's end to the answer's", () => {
    const { client, origin, world } = serve({
      kind: 'grpc-stats',
      methods: 'all',
      replacesDots: false,
      upstreamTimes: true,
      keepsState: false,
    });
    const asks: HttpAsked[] = [];
    origin.respond = () => {};
    origin.onHead = (asked) => void asks.push(asked);
    // The last one's request does not end, so that it has no time to tell.
    for (const body of [message, message, null]) client.request('POST', '/bank.Ledger/Get', grpc, body);
    world.run(30);
    for (const asked of asks) asked.reply(200, message, grpc, [['grpc-status', '0']]);
    world.run(10);
    const [times] = [...world.listener().filters.filters[0]!.samples()].flatMap(({ name, histogram }) =>
      name === 'cluster_grpc_upstream_rq_time' && histogram !== undefined ? [histogram] : [],
    );
    expect([asks.length, times?.count]).toEqual([3, 2]);
    expect(times?.sum).toBeGreaterThan(0.05);
    expect(times?.sum).toBeLessThan(0.09);
  });

  test('a method that is not listed has no series of its own', () => {
    const methods = [{ service: 'bank.Ledger', methods: ['Put'] }];
    const { call, world } = serve({
      kind: 'grpc-stats',
      methods,
      replacesDots: false,
      upstreamTimes: false,
      keepsState: false,
    });
    call(grpc, message);
    call(grpc, message, '/bank.Ledger/Put');
    expect(samples(world).filter((line) => line.includes('total'))).toEqual([
      ' cluster_grpc_total 1',
      'Put cluster_grpc_total 1',
    ]);
  });

  test('callers cannot make it grow without end', () => {
    const { client, world } = serve({
      kind: 'grpc-stats',
      methods: 'all',
      replacesDots: false,
      upstreamTimes: false,
      keepsState: false,
    });
    for (let at = 0; at < 1200; at++) {
      client.request('POST', `/a/${at}`, grpc, message);
      if (at % 50 === 0) world.run(10);
    }
    world.run(100);
    const totals = samples(world).filter((line) => line.includes('total'));
    expect(totals.length).toBeLessThanOrEqual(1001);
    expect(totals).toContain(' cluster_grpc_total 200');
  });

  test('messages are counted however they are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300)), fc.integer({ min: 1, max: 50 }), (lengths, step) => {
        const bytes = Buffer.concat(
          lengths.map((length) => {
            const one = Buffer.alloc(5 + length);
            one.writeUInt32BE(length, 1);
            return one;
          }),
        );
        const counter = new MessageCounter();
        for (let at = 0; at < bytes.length; at += step)
          counter.write(bytes, at, Math.min(at + step, bytes.length));
        expect(counter.messages).toBe(lengths.length);
      }),
    );
  });
});
