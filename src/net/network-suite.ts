// The contract of the Network seam as tests, run for every implementation: what holds for the simulated network holds
// for the real one.

import { afterEach, describe, expect, test } from 'bun:test';
import { lastingBytesMin, MeshError, Xoshiro128 } from '../base/index.ts';
import {
  type Address,
  ListenError,
  type Listener,
  type Network,
  type Socket,
  type SocketHandler,
  socketQueueHighBytes,
} from './network.ts';

export interface NetworkSuiteWorld {
  readonly network: Network;
  /** False: without the C library, a listener cannot be suspended nor a queue be read. Default true. */
  readonly suspends?: boolean;
  /** A path for a unix socket that does not exist yet. */
  unixPath(): string;
  /** Lets time pass until `done` holds; throws when it never does. */
  settle(done: () => boolean): Promise<void>;
}

const anyPort: Address = { kind: 'ip', host: '127.0.0.1', port: 0 };

/** Records what happens to one end; a test overrides what it needs. */
class Recorder implements SocketHandler {
  readonly events: string[] = [];
  readonly chunks: Buffer[] = [];
  socket: Socket | null = null;
  error: MeshError | null = null;
  bytes = 0;
  react: Partial<SocketHandler> = {};

  onOpen(socket: Socket): void {
    this.socket = socket;
    this.events.push('open');
    this.react.onOpen?.(socket);
  }
  onData(socket: Socket, bytes: Uint8Array): void {
    if (this.events.at(-1) !== 'data') this.events.push('data');
    this.bytes += bytes.length;
    this.chunks.push(Buffer.from(bytes));
    this.react.onData?.(socket, bytes);
  }
  onDrain(socket: Socket): void {
    this.events.push('drain');
    this.react.onDrain?.(socket);
  }
  onEnd(socket: Socket): void {
    this.events.push('end');
    this.react.onEnd?.(socket);
  }
  onClose(socket: Socket, error: MeshError | null): void {
    this.events.push('close');
    this.error = error;
    this.react.onClose?.(socket, error);
  }
  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }
  get closed(): boolean {
    return this.events.includes('close');
  }
}

export function runNetworkSuite(name: string, create: () => NetworkSuiteWorld): void {
  describe(`Network contract: ${name}`, () => {
    const listeners: Listener[] = [];
    const opened: Recorder[] = [];
    afterEach(() => {
      for (const listener of listeners.splice(0)) listener.close();
      for (const recorder of opened.splice(0)) recorder.socket?.reset();
    });

    function listen(world: NetworkSuiteWorld, address: Address, server: Recorder): Address {
      const listener = world.network.listen({ address, accept: () => server });
      listeners.push(listener);
      opened.push(server);
      return listener.address;
    }

    /** A client and the server's end of the same connection, both open. */
    async function connectPair(
      react: { client?: Partial<SocketHandler>; server?: Partial<SocketHandler> } = {},
    ) {
      const world = create();
      const [client, server] = [new Recorder(), new Recorder()];
      Object.assign(client, { react: react.client ?? {} });
      Object.assign(server, { react: react.server ?? {} });
      const address = listen(world, anyPort, server);
      opened.push(client);
      world.network.connect(address, client);
      await world.settle(() => client.socket !== null && server.socket !== null);
      return { world, client, server, address };
    }

    test('opens first on both sides, with addresses that mirror each other', async () => {
      const { client, server, address } = await connectPair();
      expect([client.events, server.events]).toEqual([['open'], ['open']]);
      expect(client.socket?.remote).toEqual(address);
      expect(server.socket?.remote).toEqual(client.socket!.local);
      expect(server.socket?.local).toEqual(address);
    });

    test('an orderly end on both sides closes both without an error, once', async () => {
      const { world, client, server } = await connectPair({
        server: {
          onData: (socket, bytes) => void socket.write(bytes, 0, bytes.length),
          onEnd: (socket) => socket.end(),
        },
      });
      client.socket!.writeLatin1('ping');
      client.socket!.end();
      client.socket!.end();
      await world.settle(() => client.closed && server.closed);
      expect(client.text).toBe('ping');
      expect(client.events).toEqual(['open', 'data', 'end', 'close']);
      expect(server.events).toEqual(['open', 'data', 'end', 'close']);
      expect([client.error, server.error]).toEqual([null, null]);
    });

    test('a suspended listener keeps who comes waiting, and takes them when it resumes; again and again', async () => {
      const world = create();
      for (const round of [1, 2]) {
        const [client, server, late] = [new Recorder(), new Recorder(), new Recorder()];
        opened.push(client, late);
        const address = listen(world, anyPort, server);
        const listener = listeners.at(-1)!;
        listener.suspend();
        listener.suspend();
        world.network.connect(address, client);
        await world.settle(() => client.socket !== null);
        client.socket!.writeLatin1('ping');
        world.network.connect(address, late);
        await world.settle(() => late.socket !== null);
        late.socket!.reset();
        await world.settle(() => late.closed);
        expect({ round, waits: server.events.length === 0 }).toEqual({
          round,
          waits: world.suspends ?? true,
        });
        listener.resume();
        listener.resume();
        await world.settle(() => server.text === 'ping');
        listener.suspend();
        listener.close();
      }
    });

    test('what has come and was not read yet is known', async () => {
      const { world, client, server } = await connectPair({ server: { onOpen: (socket) => socket.pause() } });
      expect(server.socket!.unreadBytes()).toBe(0);
      client.socket!.writeLatin1('ping');
      if (world.suspends === false) return;
      await world.settle(() => server.socket!.unreadBytes() > 0);
      server.socket!.resume();
      await world.settle(() => server.text === 'ping');
      expect(server.socket!.unreadBytes()).toBe(0);
    });

    test('what one handler call writes arrives together', async () => {
      const { world, client } = await connectPair({
        server: {
          onData: (socket) => {
            socket.writeLatin1('HTTP/1.1 200 OK\r\n');
            socket.writeLatin1('content-length: 4\r\n\r\n');
            socket.write(Buffer.from('xbody'), 1, 5);
          },
        },
      });
      client.socket!.writeLatin1('go');
      await world.settle(() => client.bytes >= 42);
      expect(client.chunks.map(String)).toEqual(['HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody']);
    });

    test('nothing is called inside connect, write, end or reset', async () => {
      const world = create();
      const client = new Recorder();
      let inside = false;
      const calls: boolean[] = [];
      const note = () => void calls.push(inside);
      client.react = { onOpen: note, onData: note, onClose: note };
      const during = (action: () => void) => {
        inside = true;
        action();
        inside = false;
      };
      const server = new Recorder();
      const address = listen(world, anyPort, server);
      during(() => world.network.connect(address, client));
      await world.settle(() => client.socket !== null && server.socket !== null);
      during(() => client.socket!.writeLatin1('x'));
      during(() => client.socket!.end());
      during(() => client.socket!.reset());
      during(() => client.socket!.reset());
      during(() => client.socket!.writeLatin1('ignored'));
      await world.settle(() => client.closed);
      expect(calls).toEqual([false, false]);
    });

    test('bytes of all sizes and kinds keep their order', async () => {
      const { world, client, server } = await connectPair();
      const random = new Xoshiro128(4);
      const sent: Buffer[] = [];
      for (let message = 0; message < 60; message++) {
        const size = [3, 300, 16_384, 16_385, 100_000][random.below(5)]!;
        const bytes = Buffer.from(Array.from({ length: size }, (_, at) => (message * 7 + at) & 255));
        sent.push(bytes);
        const way = random.below(3);
        if (way === 0) client.socket!.writeLatin1(bytes.toString('latin1'));
        else if (way === 1) client.socket!.write(bytes, 0, size);
        else client.socket!.send(bytes, 0, size);
        // The bytes are the caller's again as soon as write returns.
        if (random.below(4) === 0) await world.settle(() => true);
      }
      const all = Buffer.concat(sent);
      await world.settle(() => server.bytes >= all.length);
      expect(Buffer.concat(server.chunks).equals(all)).toBe(true);
    });

    test('a large read stays as it is, whatever is read after it', async () => {
      const reads: { readonly shown: Uint8Array; readonly copy: Buffer }[] = [];
      const { world, client, server } = await connectPair({
        server: {
          onData(socket, bytes) {
            if (bytes.length >= lastingBytesMin) reads.push({ shown: bytes, copy: Buffer.from(bytes) });
            socket.write(bytes, 0, bytes.length);
          },
        },
      });
      for (let round = 0; round < 40; round++) {
        const block = Buffer.alloc([5_000, 70_000, 600_000][round % 3]!, round + 1);
        client.socket!.write(block, 0, block.length);
        if (round % 4 === 0) await world.settle(() => true);
      }
      await world.settle(() => server.bytes === client.bytes && server.bytes >= 14 * 5_000 + 13 * 670_000);
      expect(reads.length).toBeGreaterThan(10);
      for (const { shown, copy } of reads) expect(copy.equals(shown)).toBe(true);
    });

    test('a written array may be reused at once', async () => {
      const { world, client, server } = await connectPair();
      const scratch = Buffer.alloc(40_000);
      for (let round = 0; round < 8; round++) {
        const size = round % 2 === 0 ? 100 : 40_000;
        scratch.fill(97 + round);
        if (round % 3 === 0) client.socket!.send(scratch, 0, size);
        else client.socket!.write(scratch, 0, size);
        scratch.fill(0);
      }
      await world.settle(() => server.bytes >= 4 * 40_100);
      const expected = [0, 1, 2, 3, 4, 5, 6, 7].map((round) =>
        String.fromCharCode(97 + round).repeat(round % 2 === 0 ? 100 : 40_000),
      );
      expect(server.text === expected.join('')).toBe(true);
    });

    test('a slow reader stops the writer, and drain lets it go on', async () => {
      const { world, client, server } = await connectPair();
      server.socket!.pause();
      const block = Buffer.alloc(100_000, 'b');
      let written = 0;
      const fill = async () => {
        for (let more = true; more; written += block.length)
          more = client.socket!.write(block, 0, block.length);
        await world.settle(() => true);
      };
      // The kernel's buffers grow for a while, so one full queue is not the end of it.
      for (let round = 0; round < 3; round++) await fill();
      expect(client.socket!.queuedBytes).toBeGreaterThan(socketQueueHighBytes);
      expect(server.bytes).toBe(0);
      client.events.length = 0;
      server.socket!.resume();
      await world.settle(() => server.bytes === written && client.events.includes('drain'));
      expect(client.events).toEqual(['drain']);
      expect(client.socket!.queuedBytes).toBe(0);
    });

    test('what has not arrived is counted, wherever it waits', async () => {
      const { world, client, server } = await connectPair();
      expect(client.socket!.unsentBytes()).toBe(0);
      server.socket!.pause();
      const block = Buffer.alloc(100_000, 'u');
      for (let more = true; more; ) more = client.socket!.write(block, 0, block.length);
      await world.settle(() => true);
      expect(client.socket!.unsentBytes()).toBeGreaterThanOrEqual(client.socket!.queuedBytes);
      expect(client.socket!.unsentBytes()).toBeGreaterThan(0);
      client.socket!.end();
      server.socket!.resume();
      await world.settle(() => server.events.includes('end'));
      await world.settle(() => client.socket!.unsentBytes() === 0);
      client.socket!.reset();
      expect(client.socket!.unsentBytes()).toBe(0);
    });

    test('release leaves the peer what it has not read, and refuses what it still sends', async () => {
      const { world, client, server } = await connectPair();
      server.socket!.pause();
      client.socket!.write(Buffer.alloc(50_000, 'r'), 0, 50_000);
      client.socket!.end();
      let looks = 0;
      await world.settle(() => ++looks > 1);
      client.socket!.release();
      await world.settle(() => client.closed);
      expect(client.error).toBeNull();
      server.socket!.resume();
      await world.settle(() => server.events.includes('end'));
      expect(server.bytes).toBe(50_000);
      expect(server.closed).toBe(false);
      server.socket!.writeLatin1('too late');
      await world.settle(() => server.closed);
      expect(server.error).not.toBeNull();
    });

    test('release before the FIN is a reset', async () => {
      const { world, client, server } = await connectPair();
      client.socket!.release();
      await world.settle(() => server.closed);
      expect(server.error).not.toBeNull();
    });

    test('a paused socket hears neither data nor end until it resumes', async () => {
      const { world, client, server } = await connectPair();
      server.socket!.pause();
      client.socket!.writeLatin1('later');
      client.socket!.end();
      const { client: other } = await connectPair();
      await world.settle(() => other.socket !== null);
      expect(server.events).toEqual(['open']);
      server.socket!.resume();
      await world.settle(() => server.events.includes('end'));
      expect(server.events).toEqual(['open', 'data', 'end']);
      expect(server.text).toBe('later');
    });

    test('pausing inside onData holds back the rest', async () => {
      const { world, client, server } = await connectPair({ server: { onData: (socket) => socket.pause() } });
      const bytes = Buffer.alloc(3_000_000, 'z');
      client.socket!.write(bytes, 0, bytes.length);
      await world.settle(() => server.chunks.length === 1);
      for (let chunks = 1; server.bytes < bytes.length; chunks++) {
        expect(server.chunks.length).toBe(chunks);
        server.socket!.resume();
        await world.settle(() => server.chunks.length > chunks);
      }
      expect(server.bytes).toBe(bytes.length);
    });

    test('after its own end a side still receives', async () => {
      const body = Buffer.alloc(2_000_000, 'r');
      const { world, client, server } = await connectPair({
        server: {
          onEnd: (socket) => {
            socket.writeLatin1('late ');
            socket.write(body, 0, body.length);
            socket.end();
          },
        },
      });
      client.socket!.end();
      client.socket!.writeLatin1('not sent');
      await world.settle(() => client.closed && server.closed);
      expect(client.bytes).toBe(body.length + 5);
      expect(client.events).toEqual(['open', 'data', 'end', 'close']);
      expect([client.error, server.error, server.bytes]).toEqual([null, null, 0]);
    });

    test('a reset reaches the peer as peer-reset, and its own side as cancelled', async () => {
      const { world, client, server } = await connectPair();
      server.socket!.writeLatin1('dropped');
      server.socket!.reset();
      await world.settle(() => client.closed && server.closed);
      expect([client.error?.code, client.error?.source]).toEqual(['peer-reset', 'upstream']);
      expect([server.error?.code, server.error?.source]).toEqual(['cancelled', 'downstream']);
      expect(server.events).toEqual(['open', 'close']);
      expect(server.socket!.writeLatin1('x')).toBe(true);
      expect(server.socket!.queuedBytes).toBe(0);
    });

    test('a refused connection says so, and may be tried elsewhere', async () => {
      const world = create();
      const gone = world.network.listen({ address: anyPort, accept: () => new Recorder() });
      gone.close();
      gone.close();
      const client = new Recorder();
      world.network.connect(gone.address, client);
      await world.settle(() => client.closed);
      expect(client.events).toEqual(['close']);
      expect(client.error).toBeInstanceOf(MeshError);
      expect([client.error?.code, client.error?.retry]).toEqual(['connect-refused', 'yes']);
    });

    test('a missing unix socket refuses', async () => {
      const world = create();
      const client = new Recorder();
      world.network.connect({ kind: 'unix', path: world.unixPath() }, client);
      expect(client.events).toEqual([]);
      await world.settle(() => client.closed);
      expect([client.events, client.error?.code]).toEqual([['close'], 'connect-refused']);
    });

    test('reset before open: closed once, never opened', async () => {
      const world = create();
      const [client, server, other] = [new Recorder(), new Recorder(), new Recorder()];
      const address = listen(world, anyPort, server);
      world.network.connect(address, client).reset();
      opened.push(other);
      world.network.connect(address, other);
      await world.settle(() => client.closed && other.socket !== null);
      expect([client.events, client.error?.code]).toEqual([['close'], 'cancelled']);
    });

    test('comes from the address that it was told to, or not at all', async () => {
      const world = create();
      const [client, server] = [new Recorder(), new Recorder()];
      const address = listen(world, anyPort, server);
      opened.push(client);
      const keepAlive = { idleSeconds: 30, intervalSeconds: 5, probes: 3 };
      const source: Address = { kind: 'ip', host: '127.0.0.2', port: 0 };
      world.network.connect(address, client, { source, keepAlive, userTimeoutMs: 10_000 });
      await world.settle(() => client.closed || server.socket !== null);
      if (client.closed) {
        expect([client.events, client.error?.code]).toEqual([['close'], 'connect-failed']);
      } else {
        const remote = server.socket!.remote;
        expect(remote.kind === 'ip' && remote.host).toBe('127.0.0.2');
      }
    });

    test('what was written before open is sent on open', async () => {
      const world = create();
      const [client, server] = [new Recorder(), new Recorder()];
      const address = listen(world, anyPort, server);
      const socket = world.network.connect(address, client);
      socket.writeLatin1('early ');
      socket.write(Buffer.from('bird'), 0, 4);
      socket.end();
      await world.settle(() => server.events.includes('end'));
      expect(server.text).toBe('early bird');
    });

    test('a closed listener accepts nobody, its open connections stay', async () => {
      const { world, client, server, address } = await connectPair();
      listeners.at(-1)!.close();
      const late = new Recorder();
      world.network.connect(address, late);
      await world.settle(() => late.closed);
      expect(late.error?.code).toBe('connect-refused');
      client.socket!.writeLatin1('still');
      await world.settle(() => server.bytes === 5);
      expect(server.text).toBe('still');
    });

    test('an address can be bound once', async () => {
      const { world, address } = await connectPair();
      const again = () => world.network.listen({ address, accept: () => new Recorder() });
      expect(again).toThrow(ListenError);
      expect(again).toThrow('listen 127.0.0.1:');
    });

    test('with reusePort it can be bound twice', () => {
      const world = create();
      const shared = (address: Address) =>
        world.network.listen({ address, reusePort: true, accept: () => new Recorder() });
      const first = shared(anyPort);
      const second = shared(first.address);
      listeners.push(first, second);
      expect(second.address).toEqual(first.address);
    });

    const places: readonly (readonly [string, (world: NetworkSuiteWorld) => Address])[] = [
      ['a unix socket', (world) => ({ kind: 'unix', path: world.unixPath() })],
      ['IPv6', () => ({ kind: 'ip', host: '::1', port: 0 })],
    ];
    for (const [place, addressOf] of places) {
      test(`carries bytes over ${place}`, async () => {
        const world = create();
        const [client, server] = [new Recorder(), new Recorder()];
        server.react = { onData: (socket, bytes) => void socket.write(bytes, 0, bytes.length) };
        const address = listen(world, addressOf(world), server);
        opened.push(client);
        world.network.connect(address, client).writeLatin1('hello');
        await world.settle(() => client.bytes === 5);
        expect(client.text).toBe('hello');
        expect(server.socket!.local).toEqual(address);
      });
    }
  });
}
