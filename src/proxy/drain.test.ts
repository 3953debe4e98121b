// How fast clients are sent away, by what makes the proxy drain and by what --drain-strategy says (decision 0024).

import { describe, expect, test } from 'bun:test';
import type { DrainStrategy } from './downstream/index.ts';
import { httpOptions, listenerConfig } from './testing/configs.ts';
import { World } from './testing/world.ts';

const drainMs = 20_000;
const clients = 200;

/** With the reason, what begins it. */
const causes = {
  'the end of the process': (world: World) => void world.plane.drain(),
  'a successor': (world: World) => void world.plane.drain({ kind: 'succession', withinMs: null }),
  'a successor that waits for a tenth of the drain time': (world: World) =>
    void world.plane.drain({ kind: 'succession', withinMs: drainMs / 10 }),
  'a removed listener': (world: World) => world.serve(world.origins, { version: '2', listeners: [] }),
  '/drain_listeners?graceful': (world: World) => void world.plane.drain({ kind: 'asked', graceful: true }),
  'the end, while it drains gradually': (world: World) => {
    void world.plane.drain({ kind: 'asked', graceful: true });
    void world.plane.drain();
  },
  '/drain_listeners': (world: World) => void world.plane.drain({ kind: 'asked', graceful: false }),
} as const;

type Cause = keyof typeof causes;

/** Of many clients that each ask when a share of the drain time is over, the share that is told of the end. */
function told(cause: Cause, strategy: DrainStrategy | undefined, over: number): number {
  const world = new World(strategy === undefined ? {} : { drainStrategy: strategy });
  const listener = listenerConfig({ direction: 'inbound', http: httpOptions({ drainTimeoutMs: drainMs }) });
  world.serve([world.origin()], { listeners: [listener] });
  // Asked before, and still under way: nobody is idle, and nothing ends for quiet.
  world.origins[0]!.respond = () => {};
  const asking = Array.from({ length: clients }, () => world.client().get('/'));
  world.run(100);
  causes[cause](world);
  world.run(drainMs * over);
  for (const connection of world.origins[0]!.connections) connection.reply(200);
  world.run(20);
  expect(asking.every(({ statuses }) => statuses.length === 1)).toBe(true);
  return asking.filter(({ received }) => received.includes('connection: close')).length / clients;
}

describe('without a --drain-strategy', () => {
  // The pace is over after four fifths of the time, so that who is told last still has a moment.
  const gradual: readonly (readonly [over: number, share: number])[] = [
    [0.2, 0.25],
    [0.6, 0.75],
    [0.8, 1],
  ];
  const expected: Record<Cause, readonly (readonly [over: number, share: number])[]> = {
    'the end of the process': [[0.01, 1]],
    'a successor': gradual,
    'a successor that waits for a tenth of the drain time': gradual.map(([over, share]) => [
      over / 10,
      share,
    ]),
    'a removed listener': gradual,
    '/drain_listeners?graceful': gradual,
    'the end, while it drains gradually': [[0.01, 1]],
    '/drain_listeners': [[0.01, 1]],
  };
  for (const [cause, shares] of Object.entries(expected))
    for (const [over, share] of shares)
      test(`${cause}: after ${over} of the drain time ${share} of the clients are told`, () => {
        expect(Math.abs(told(cause as Cause, undefined, over) - share)).toBeLessThan(0.1);
      });
});

test('a --drain-strategy holds whatever the cause', () => {
  for (const cause of Object.keys(causes) as Cause[]) {
    expect([cause, told(cause, 'immediate', 0.01)]).toEqual([cause, 1]);
    expect([cause, told(cause, 'gradual', 0.005) < 0.15]).toEqual([cause, true]);
  }
});

describe('/drain_listeners?skip_exit, where nobody waits for the clients', () => {
  for (const [graceful, over, share] of [
    [true, 0.2, 0.25],
    [true, 0.8, 1],
    [false, 0, 1],
  ] as const)
    test(`graceful ${graceful}: of new connections after ${over} of the drain time ${share} are told`, () => {
      const world = new World();
      const http = httpOptions({ drainTimeoutMs: drainMs });
      world.serve([world.origin()], { listeners: [listenerConfig({ http })] });
      world.plane.drainListeners({ graceful, inboundOnly: false, keepListening: true });
      world.run(drainMs * over);
      const asking = Array.from({ length: clients }, () => world.client().get('/'));
      world.run(20);
      const said = asking.filter(({ received }) => received.includes('connection: close')).length / clients;
      expect(Math.abs(said - share)).toBeLessThan(0.1);
    });
});
