// What few listeners ask for and no bytes beside Envoy show, in virtual time.

import { expect, test } from 'bun:test';
import type { SpecialOptions } from '../config/special-types.ts';
import { clusterConfig, httpOptions, listenerConfig, logTo } from '../testing/configs.ts';
import type { Respond } from '../testing/peers.ts';
import { World } from '../testing/world.ts';

const nothing: SpecialOptions = {
  makesRequestId: true,
  scheme: null,
  namesProxy: false,
  mappedAddress: false,
  earlyEdits: null,
  passesExpectation: false,
  tellsOverload: false,
  keepsMalformed: false,
  proxyStatus: null,
};

function setup(
  special: Partial<SpecialOptions>,
  http: object = {},
  respond: Respond = (connection) => connection.reply(200),
) {
  const lines: string[] = [];
  const world = new World({
    createLogSink: () => ({
      write(bytes, handler) {
        lines.push(...new TextDecoder().decode(bytes).trim().split('\n'));
        handler.onWritten(null);
      },
      reopen() {},
      close() {},
    }),
  });
  const origin = world.origin(respond);
  const options = httpOptions({ special: { ...nothing, ...special }, ...logTo('log'), ...http });
  world.serve([origin], { listeners: [listenerConfig({ http: options })], clusters: [clusterConfig({})] });
  return { world, origin, lines };
}

test('an IPv4 address is written as one of IPv6', () => {
  const { world, origin } = setup({ mappedAddress: true }, { useRemoteAddress: true });
  world.client().get('/', ['x-forwarded-for: 1.2.3.4']);
  world.run(20);
  expect(origin.requests[0]).toMatch(/x-forwarded-for: 1\.2\.3\.4,::ffff:\d+\.\d+\.\d+\.\d+\r\n/);
});

test('an expectation is the endpoint’s to answer, and its answer is passed on once', () => {
  const { world, origin } = setup({ passesExpectation: true });
  origin.onBytes = (connection, text) => {
    if (text.endsWith('\r\n\r\n') && connection.requests === 0)
      connection.send('HTTP/1.1 100 Continue\r\n\r\n');
  };
  const asks = 'POST / HTTP/1.1\r\nhost: ledger\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n';
  const client = world.client().send(asks);
  world.run(20);
  expect(client.take()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
  client.send('hi');
  world.run(20);
  expect(client.statuses).toEqual([200]);
  expect(origin.requests[0]).toContain('expect: 100-continue\r\n');
});

test('a line when a tunnel opens, and one when it ends', () => {
  const { world, lines } = setup(
    {},
    {
      accessLogOptions: { atStart: false, atTunnel: true, intervalMs: 0 },
      upgrades: new Map([['websocket', true]]),
    },
    (connection) => connection.send('HTTP/1.1 101 Go\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'),
  );
  const client = world.client().get('/', ['connection: upgrade', 'upgrade: websocket']);
  world.run(2_000);
  const types = () => lines.map((line) => JSON.parse(line).log_type as string);
  expect(types()).toEqual(['DownstreamTunnelSuccessfullyEstablished']);
  client.socket.reset();
  world.run(2_000);
  expect(types()).toEqual(['DownstreamTunnelSuccessfullyEstablished', 'DownstreamEnd']);
});
