// Lines before the end of a request, in virtual time.

import { expect, test } from 'bun:test';
import { httpOptions, listenerConfig, logTo } from '../testing/configs.ts';
import { World } from '../testing/world.ts';

function setup(options: { atStart: boolean; intervalMs: number }) {
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
  const origin = world.origin(() => {});
  const http = httpOptions({ ...logTo('log'), accessLogOptions: { atTunnel: false, ...options } });
  world.serve([origin], { listeners: [listenerConfig({ http })] });
  const types = () => lines.map((line) => JSON.parse(line).log_type as string);
  return { world, origin, types };
}

test('a line when a request begins, and one when it ends', () => {
  const { world, origin, types } = setup({ atStart: true, intervalMs: 0 });
  world.client().get('/');
  world.run(2_000);
  expect(types()).toEqual(['DownstreamStart']);
  for (const connection of origin.connections) connection.reply(200);
  world.run(2_000);
  expect(types()).toEqual(['DownstreamStart', 'DownstreamEnd']);
});

test('lines while it runs, and none after its end', () => {
  const { world, origin, types } = setup({ atStart: false, intervalMs: 10_000 });
  world.client().get('/');
  world.run(25_000);
  for (const connection of origin.connections) connection.reply(200);
  world.run(60_000);
  expect(types()).toEqual(['DownstreamPeriodic', 'DownstreamPeriodic', 'DownstreamEnd']);
  world.expectSettled();
});
