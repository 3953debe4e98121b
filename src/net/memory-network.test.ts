import { describe, expect, test } from 'bun:test';
import { VirtualClock, Xoshiro128 } from '../base/index.ts';
import { createMemoryNetwork, type MemoryNetworkOptions } from './memory-network.ts';
import type { Address, Socket, SocketHandler } from './network.ts';
import { runNetworkSuite } from './network-suite.ts';
import { runTlsSuite } from './tls-suite.ts';

function createWorld(options: Partial<MemoryNetworkOptions> = {}, seed = 4) {
  const clock = new VirtualClock({ tickMs: 0.125 });
  const random = new Xoshiro128(seed);
  return { clock, network: createMemoryNetwork({ clock, random, ...options }) };
}

for (const [name, conditions] of [
  ['in memory', {}],
  ['in memory, with loss and jitter', { jitterMs: 20, lossShare: 0.1, bandwidth: 50_000_000 }],
] as const) {
  runNetworkSuite(name, () => {
    const { clock, network } = createWorld();
    network.setConditions('127.0.0.1', '127.0.0.1', conditions);
    let paths = 0;
    return {
      network,
      unixPath: () => `/run/${paths++}.sock`,
      async settle(done) {
        while (!done()) if (!clock.runNext()) throw new Error('never came to be');
      },
    };
  });
}

for (const [name, conditions] of [
  ['in memory', {}],
  ['in memory, in pieces', { splitShare: 0.5, jitterMs: 5 }],
] as const) {
  runTlsSuite(name, () => {
    const clock = new VirtualClock({ tickMs: 0.125, wallMs: Date.now() });
    const network = createMemoryNetwork({ clock, random: new Xoshiro128(4) });
    network.setConditions('127.0.0.1', '127.0.0.1', conditions);
    return {
      network,
      async settle(done) {
        while (!done()) if (!clock.runNext()) throw new Error('never came to be');
      },
    };
  });
}

/** A process that accepts on its own host's address and echoes. */
function startEcho(network: ReturnType<typeof createMemoryNetwork>, host: string) {
  const process = network.createProcess(`echo at ${host}`, host);
  const address: Address = { kind: 'ip', host, port: 80 };
  const server = { process, address, events: [] as string[] };
  process.listen({
    address,
    accept: () => ({
      onOpen: () => void server.events.push('open'),
      onData: (socket, bytes) => void socket.write(bytes, 0, bytes.length),
      onDrain() {},
      onEnd: (socket) => socket.end(),
      onClose: () => void server.events.push('close'),
    }),
  });
  return server;
}

function createCaller(clock: VirtualClock) {
  const caller = { events: [] as string[], socket: null as Socket | null, kept: null as Uint8Array | null };
  const handler: SocketHandler = {
    onOpen: (socket) => {
      caller.socket = socket;
      caller.events.push(`open ${clock.now()}`);
    },
    onData: (_socket, bytes) => {
      caller.kept = bytes;
      caller.events.push(`${Buffer.from(bytes)} ${clock.now()}`);
    },
    onDrain() {},
    onEnd() {},
    onClose: (_socket, error) => void caller.events.push(`${error?.code ?? 'closed'} ${clock.now()}`),
  };
  return { caller, handler };
}

describe('the network in memory', () => {
  test('takes the time that its conditions say', () => {
    const { clock, network } = createWorld({ conditions: { latencyMs: 10, bandwidth: 1000 } });
    const server = startEcho(network, '10.0.0.1');
    const { caller, handler } = createCaller(clock);
    network.connect(server.address, handler).writeLatin1('x'.repeat(100));
    clock.advanceBy(1000);
    // Two ways to open, then 100 bytes at 1,000 a second each way.
    expect(caller.events).toEqual(['open 20', `${'x'.repeat(100)} 240`]);
  });

  test('bytes are poisoned after the handler has seen them', () => {
    const { clock, network } = createWorld();
    const server = startEcho(network, '10.0.0.1');
    const { caller, handler } = createCaller(clock);
    network.connect(server.address, handler).writeLatin1('abc');
    clock.advanceBy(100);
    expect([...caller.kept!]).toEqual([0xdb, 0xdb, 0xdb]);
  });

  test('a crash resets towards the peer, is silent within, and refuses afterwards', () => {
    const { clock, network } = createWorld();
    const server = startEcho(network, '10.0.0.1');
    const { caller, handler } = createCaller(clock);
    network.connect(server.address, handler);
    clock.advanceBy(10);
    server.process.kill();
    clock.advanceBy(10);
    expect(caller.events.map((event) => event.split(' ')[0])).toEqual(['open', 'peer-reset']);
    expect(server.events).toEqual(['open']);
    const after = createCaller(clock);
    network.connect(server.address, after.handler);
    clock.advanceBy(10);
    expect(after.caller.events.map((event) => event.split(' ')[0])).toEqual(['connect-refused']);
  });

  test('a redirected connection knows where it was going, and the redirecting process itself is exempt', () => {
    const { clock, network } = createWorld();
    const server = startEcho(network, '10.0.0.1');
    const sidecar = network.createProcess('sidecar', '10.0.0.2');
    const application = network.createProcess('application', '10.0.0.2');
    const seen: (Address | null)[] = [];
    const inside: Address = { kind: 'ip', host: '127.0.0.1', port: 15_001 };
    const quiet = { onOpen() {}, onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
    const accept = (socket: Socket) => {
      seen.push(socket.originalDestination());
      return quiet;
    };
    sidecar.listen({ address: inside, accept });
    sidecar.redirect(server.address, inside);
    application.connect(server.address, quiet);
    application.connect(inside, quiet);
    clock.advanceBy(10);
    expect(seen).toEqual([server.address, null]);
    sidecar.connect(server.address, quiet);
    clock.advanceBy(10);
    expect(server.events).toEqual(['open']);
  });

  test('a partition holds everything back until it heals', () => {
    const { clock, network } = createWorld();
    const server = startEcho(network, '10.0.0.1');
    const { caller, handler } = createCaller(clock);
    network.connect(server.address, handler);
    clock.advanceBy(10);
    network.partition('127.0.0.1', '10.0.0.1');
    caller.socket!.writeLatin1('held');
    const late = createCaller(clock);
    network.connect(server.address, late.handler);
    clock.advanceBy(5000);
    expect([caller.events.length, late.caller.events.length]).toEqual([1, 0]);
    network.heal('127.0.0.1', '10.0.0.1');
    clock.advanceBy(500);
    expect(caller.events[1]).toStartWith('held ');
    expect(late.caller.events[0]).toStartWith('open ');
  });

  test('processes of one host share its loopback, other hosts do not see it', () => {
    const { clock, network } = createWorld();
    const application = network.createProcess('application', '10.0.0.1');
    const sidecar = network.createProcess('sidecar', '10.0.0.1');
    const stranger = network.createProcess('stranger', '10.0.0.2');
    const address: Address = { kind: 'ip', host: '127.0.0.1', port: 8080 };
    application.listen({ address, accept: () => createCaller(clock).handler });
    const [near, far] = [createCaller(clock), createCaller(clock)];
    sidecar.connect(address, near.handler);
    stranger.connect(address, far.handler);
    clock.advanceBy(10);
    expect([near.caller.events[0], far.caller.events[0]]).toEqual(['open 0.25', 'connect-refused 0.375']);
  });

  test('a listener on all interfaces is found by address and by loopback', () => {
    const { clock, network } = createWorld();
    const server = network.createProcess('server', '10.0.0.1');
    server.listen({
      address: { kind: 'ip', host: '0.0.0.0', port: 80 },
      accept: () => createCaller(clock).handler,
    });
    const callers = [createCaller(clock), createCaller(clock)];
    network.connect({ kind: 'ip', host: '10.0.0.1', port: 80 }, callers[0]!.handler);
    server.connect({ kind: 'ip', host: '127.0.0.1', port: 80 }, callers[1]!.handler);
    clock.advanceBy(10);
    expect(callers.map(({ caller }) => caller.events[0]?.split(' ')[0])).toEqual(['open', 'open']);
  });

  test('resets, splits and losses come as often as asked, and are the same for the same seed', () => {
    const play = (seed: number) => {
      const trace: string[] = [];
      const conditions = { lossShare: 0.2, jitterMs: 5, resetShare: 0.05, splitShare: 0.3 };
      const observer = {
        onSegment: (kind: string, _from: Address, _to: Address, bytes: number) =>
          void trace.push(`${clock.now()} ${kind} ${bytes}`),
      };
      const { clock, network } = createWorld({ conditions, observer }, seed);
      const server = startEcho(network, '10.0.0.1');
      for (let round = 0; round < 200; round++) {
        network.connect(server.address, createCaller(clock).handler).writeLatin1('0123456789');
        clock.advanceBy(300);
      }
      return trace;
    };
    const trace = play(1);
    expect(play(1)).toEqual(trace);
    expect(play(2)).not.toEqual(trace);
    expect(trace.filter((entry) => entry.includes('reset')).length).toBeGreaterThan(5);
  });
});
