import { describe, expect, test } from 'bun:test';
import { VirtualClock, Xoshiro128 } from '../../base/index.ts';
import {
  createMemoryNetwork,
  createMemoryResolver,
  createMemoryStore,
  type Network,
} from '../../net/index.ts';
import { warmUp } from './warm-up.ts';

const setUp = () => {
  const clock = new VirtualClock();
  const random = new Xoshiro128(1);
  const network = createMemoryNetwork({ clock, random });
  const begin = (requests: number, through: Network = network) =>
    warmUp({
      clock,
      random,
      network: through,
      resolver: createMemoryResolver(),
      store: createMemoryStore(),
      requests,
      name: 'warm-up',
    });
  /** What is left of it: names that cannot be listened on again. */
  const taken = () =>
    ['\0warm-up', ...[1, 2, 3].map((at) => `\0warm-up-origin-${at}`)].filter((path) => {
      try {
        network.listen({ address: { kind: 'unix', path }, accept: () => ignoring }).close();
        return false;
      } catch {
        return true;
      }
    });
  return { clock, network, begin, taken };
};

const ignoring = { onOpen() {}, onData() {}, onDrain() {}, onEnd() {}, onClose() {} };

describe('warm-up', () => {
  test('sends so many requests through the whole path and leaves nothing open', async () => {
    const { clock, begin, taken } = setUp();
    const over = begin(300);
    clock.advanceBy(4_900);
    expect(await over).toBe(300);
    expect(taken()).toEqual([]);
  });

  test('is over after five seconds, whatever came of it', async () => {
    const { clock, network, begin, taken } = setUp();
    const silent: Network = {
      ...network,
      createTlsContext: (options) => network.createTlsContext(options),
      connect: (address, handler, options) => network.connect(address, handler, options),
      // Nobody answers: who is connected to an origin is never heard.
      listen: (options) =>
        network.listen(
          options.address.kind === 'unix' && options.address.path.includes('origin')
            ? { ...options, accept: () => ignoring }
            : options,
        ),
    };
    const over = begin(300, silent);
    clock.advanceBy(5_100);
    expect(await over).toBe(0);
    expect(taken()).toEqual([]);
  });
});
