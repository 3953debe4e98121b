// A loop that was held up reads what has come meanwhile before it says that nothing came.

import { afterEach, describe, expect, test } from 'bun:test';
import { Timer } from '../base/index.ts';
import { createBunNetwork } from './bun-network.ts';
import type { Listener, Socket, SocketHandler } from './network.ts';
import { createSystemClock } from './system-clock.ts';

const ignore: SocketHandler = {
  onOpen() {},
  onData() {},
  onEnd() {},
  onDrain() {},
  onClose() {},
};

function spin(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

describe('a clock that wakes up late', () => {
  const clock = createSystemClock();
  const network = createBunNetwork();
  const opened: Socket[] = [];
  let listener: Listener | null = null;
  afterEach(async () => {
    for (const socket of opened.splice(0)) socket.reset();
    await listener?.close();
  });

  test('lets the loop read what came in time', async () => {
    listener = network.listen({
      address: { kind: 'ip', host: '127.0.0.1', port: 0 },
      accept: (socket) => {
        opened.push(socket);
        return ignore;
      },
    });
    const order = await new Promise<readonly string[]>((resolve) => {
      const seen: string[] = [];
      const tell = (what: string) => {
        seen.push(what);
        if (seen.length === 2) resolve(seen);
      };
      const timer = new Timer({ onTimer: () => tell('timeout') }, 0);
      // Inside a handler: the timers of this turn come before the next poll.
      const first = network.connect(listener!.address, {
        ...ignore,
        onOpen: () => {
          const second = network.connect(listener!.address, { ...ignore, onOpen: () => tell('open') });
          opened.push(second);
          clock.arm(timer, 5);
          spin(60);
        },
      });
      opened.push(first);
    });
    expect(order).toEqual(['open', 'timeout']);
  });

  test('and does not wait for ever for a loop that is always busy', async () => {
    let turns = 0;
    let busy = true;
    const hog = () => {
      turns += 1;
      spin(25);
      if (busy) setImmediate(hog);
    };
    setImmediate(hog);
    await new Promise<void>((resolve) => clock.arm(new Timer({ onTimer: () => resolve() }, 0), 5));
    busy = false;
    expect(turns).toBeLessThan(60);
  });
});
