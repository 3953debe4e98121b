import { describe, expect, test } from 'bun:test';
import type { Socket } from '../../net/index.ts';
import { socketQueueHighBytes } from '../../net/index.ts';
import { ip } from '../testing/configs.ts';
import { TestClient } from '../testing/peers.ts';
import { World } from '../testing/world.ts';

const chunk = 'x'.repeat(64 * 1024);
const total = 200;

/** Sends `total` chunks, never more than the socket wants. */
class Flood {
  sent = 0;
  private readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  pump(): void {
    while (this.sent < total) {
      this.sent += 1;
      if (!this.socket.writeLatin1(chunk)) return;
    }
  }
}

class UploadingClient extends TestClient {
  readonly flood = new Flood(this.socket);

  override onOpen(): void {
    super.onOpen();
    this.flood.pump();
  }

  override onDrain(): void {
    this.flood.pump();
  }
}

/**
 * What may be under way: a full queue on each hop, what a paused socket had already read, and one chunk too many at
 * each end.
 */
const heldBytesMax = 6 * socketQueueHighBytes;

describe('a slow side holds the other back', () => {
  test('an origin that does not read stops the client', () => {
    const world = new World();
    const origin = world.origin();
    world.serve([origin]);
    origin.onBytes = (connection) => connection.socket.pause();
    const client = new UploadingClient(world.network, ip(15001));
    client.send(`PUT / HTTP/1.1\r\nhost: ledger\r\ncontent-length: ${total * chunk.length}\r\n\r\n`);
    world.run(2_000);
    const stuckAt = client.flood.sent * chunk.length;
    expect(stuckAt).toBeLessThan(heldBytesMax);
    world.run(10_000);
    expect(client.flood.sent * chunk.length).toBe(stuckAt);
    origin.onBytes = () => {};
    for (const connection of origin.connections) connection.socket.resume();
    world.run(5_000);
    expect(client.statuses).toEqual([200]);
    expect(origin.requests[0]!.length).toBeGreaterThan(total * chunk.length);
    world.expectSettled();
  });

  test('a client that does not read stops the origin', () => {
    const world = new World();
    const floods: Flood[] = [];
    const origin = world.origin((connection) => {
      connection.send(`HTTP/1.1 200 OK\r\ncontent-length: ${total * chunk.length}\r\n\r\n`);
      const flood = new Flood(connection.socket);
      floods.push(flood);
      connection.onDrain = () => flood.pump();
      flood.pump();
    });
    world.serve([origin]);
    const client = world.client().get('/');
    client.socket.pause();
    world.run(2_000);
    const stuckAt = floods[0]!.sent * chunk.length;
    expect(stuckAt).toBeLessThan(heldBytesMax);
    client.socket.resume();
    world.run(5_000);
    expect(client.received.length).toBeGreaterThan(total * chunk.length);
    world.expectSettled();
  });
});
