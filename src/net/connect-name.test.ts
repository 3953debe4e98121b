import { expect, test } from 'bun:test';
import { until } from '../testing/until.ts';
import { createBunNetwork } from './index.ts';

test('a name is looked up: a control plane may be a Service', async () => {
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  let opened = false;
  const socket = createBunNetwork().connect(
    { kind: 'ip', host: 'localhost', port: server.port },
    {
      onOpen() {
        opened = true;
      },
      onData() {},
      onDrain() {},
      onEnd() {},
      onClose() {},
    },
  );
  await until('it is open', () => opened);
  expect(opened).toBe(true);
  socket.reset();
  server.stop(true);
});
