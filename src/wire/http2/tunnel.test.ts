import { describe, expect, test } from 'bun:test';
import { createResponseHead } from '../made-head.ts';
import { data, headers, hello, type Lines, options, ServerBench } from './test-frames.ts';

const webSocket: Lines = [
  [':method', 'CONNECT'],
  [':protocol', 'websocket'],
  [':scheme', 'http'],
  [':path', '/chat'],
  [':authority', 'a'],
];
const connect: Lines = [
  [':method', 'CONNECT'],
  [':authority', 'a:443'],
];

function open(lines: Lines, extendedConnect = true): ServerBench {
  const bench = new ServerBench({ ...options(), extendedConnect });
  bench.feed(hello).take();
  bench.feed(headers(1, lines, 4));
  return bench;
}

describe('a tunnel', () => {
  for (const [name, lines, status, events] of [
    ['of an extended CONNECT', webSocket, 101, '1 request GET http|a|/chat []'],
    ['of a plain CONNECT', connect, 200, '1 request CONNECT |a:443| []'],
  ] as const) {
    test(`${name}: each half ends by itself`, () => {
      const bench = open(lines);
      expect(bench.host.events).toEqual([events]);
      const stream = bench.host.streams[0]!;
      stream.openTunnel(createResponseHead(status, []));
      expect(bench.take()).toEqual(['headers 1 [:status: 200]']);
      const bytes = Buffer.from('down');
      stream.sendBody(bytes, 0, bytes.length);
      stream.sendEnd(null);
      expect(bench.take()).toEqual(['data 1 down', 'data 1 end ']);
      expect(bench.codec.active).toBe(1);
      bench.feed(data(1, 'up'), data(1, '', 1));
      expect(bench.host.events.slice(1)).toEqual(['1 body up', '1 end', 'idle']);
      expect(bench.take()).toEqual([]);
    });
  }

  test('that is refused ends as any request does', () => {
    const bench = open(webSocket);
    bench.host.streams[0]!.sendResponse(createResponseHead(403, []), true);
    expect(bench.take()).toEqual(['headers 1 end [:status: 403]', 'rstStream 1 noError']);
  });

  const refused: readonly (readonly [string, Lines, boolean])[] = [
    ['an extended CONNECT that is not served', webSocket, false],
    ['a CONNECT that is not served', connect, false],
    ['a CONNECT with a path', [...connect, [':path', '/']], true],
    ['a CONNECT without an authority', [[':method', 'CONNECT']], true],
    ['a CONNECT without a port', [connect[0]!, [':authority', 'a']], true],
    ['a :protocol with another method', [[':method', 'GET'], ...webSocket.slice(1)], true],
    [
      'a :protocol that is no token',
      [[':protocol', 'a b'], ...webSocket.filter(([name]) => name !== ':protocol')],
      true,
    ],
    ['a length', [...webSocket, ['content-length', '5']], true],
  ];
  for (const [name, lines, served] of refused) {
    test(`refused: ${name}`, () => {
      const bench = open(lines, served);
      expect(bench.host.streams).toEqual([]);
      expect(bench.take()).toEqual(['rstStream 1 protocolError']);
    });
  }
});
