import { describe, expect, test } from 'bun:test';
import type { AdsStream, AdsStreamHandler, AdsTransport } from '../xds/index.ts';
import { createAdsFailover } from './ads-failover.ts';

const handler: AdsStreamHandler = { onMessage() {}, onWritable() {}, onClose() {} };

class Server implements AdsTransport {
  opened = 0;
  closed = false;

  open(): AdsStream {
    this.opened += 1;
    return { send: () => true, close() {} };
  }

  close(): void {
    this.closed = true;
  }
}

describe('createAdsFailover', () => {
  test('one server stands for itself', () => {
    const server = new Server();
    expect(createAdsFailover([server])).toBe(server);
  });

  test('each stream goes to the next server in turn', () => {
    const servers = [new Server(), new Server(), new Server()];
    const transport = createAdsFailover(servers);
    for (let i = 0; i < 4; i++) transport.open('delta', handler);
    expect(servers.map((server) => server.opened)).toEqual([2, 1, 1]);
    transport.close();
    expect(servers.every((server) => server.closed)).toBe(true);
  });
});
