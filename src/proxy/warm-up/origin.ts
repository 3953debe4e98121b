// Answers whatever comes with the same few bytes: as little work as can be had.

import type { Listener, Network, Socket, SocketHandler } from '../../net/index.ts';

const answer = [
  'HTTP/1.1 200 OK',
  'server: warm-up',
  'date: Thu, 01 Jan 1970 00:00:00 GMT',
  'content-type: text/plain',
  'content-length: 4',
  '',
  'warm',
].join('\r\n');

export class WarmOrigin {
  private readonly listeners: readonly Listener[];

  constructor(network: Network, paths: readonly string[]) {
    this.listeners = paths.map((path) =>
      network.listen({ address: { kind: 'unix', path }, accept: () => answering }),
    );
  }

  stop(): void {
    for (const listener of this.listeners) listener.close();
  }
}

const answering: SocketHandler = {
  onOpen() {},
  // A request of the caller's arrives whole: it is far below what one read takes.
  onData: (socket: Socket) => void socket.writeLatin1(answer),
  onDrain() {},
  onEnd: (socket) => socket.end(),
  onClose() {},
};
