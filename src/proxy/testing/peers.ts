// The two ends around a proxy under test, over any Network: a client that sends bytes as they are and keeps what comes,
// and an origin whose behaviour is a function of the request. Both see bytes, so that they can misbehave.

import type { MeshError } from '../../base/index.ts';
import type { Address, Listener, Network, Socket, SocketHandler } from '../../net/index.ts';

export class TestClient implements SocketHandler {
  received = '';
  opened = false;
  ended = false;
  /** null: open; else how the connection ended. */
  closed: 'in order' | 'broken' | null = null;
  readonly socket: Socket;
  private waiting = '';

  constructor(network: Network, address: Address) {
    this.socket = network.connect(address, this);
  }

  send(text: string): this {
    if (this.opened) this.socket.writeLatin1(text);
    else this.waiting += text;
    return this;
  }

  get(path: string, fields: readonly string[] = []): this {
    return this.request('GET', path, fields);
  }

  /** Without a body. */
  request(method: string, path: string, fields: readonly string[] = []): this {
    return this.send([method, ' ', path, ' HTTP/1.1\r\nhost: ledger\r\n', ...lines(fields), '\r\n'].join(''));
  }

  post(path: string, body: string, fields: readonly string[] = []): this {
    const head = `POST ${path} HTTP/1.1\r\nhost: ledger\r\ncontent-length: ${body.length}\r\n`;
    return this.send(`${head}${lines(fields).join('')}\r\n${body}`);
  }

  /** Statuses of all final and informational answers so far. */
  get statuses(): readonly number[] {
    return [...this.received.matchAll(/(?:^|\n|[^\n])HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
  }

  /** Takes what has come. */
  take(): string {
    const { received } = this;
    this.received = '';
    return received;
  }

  onOpen(): void {
    this.opened = true;
    this.socket.writeLatin1(this.waiting);
    this.waiting = '';
  }

  onData(_socket: Socket, bytes: Uint8Array): void {
    this.received += latin1(bytes);
  }

  onDrain(): void {}

  onEnd(): void {
    this.ended = true;
    this.socket.end();
  }

  onClose(_socket: Socket, error: MeshError | null): void {
    this.closed = error === null ? 'in order' : 'broken';
  }
}

/** One connection that an origin accepted; requests are handed over whole. */
export class OriginConnection implements SocketHandler {
  readonly origin: Origin;
  readonly socket: Socket;
  requests = 0;
  closed = false;
  private text = '';

  constructor(origin: Origin, socket: Socket) {
    this.origin = origin;
    this.socket = socket;
  }

  send(text: string): void {
    if (!this.closed) this.socket.writeLatin1(text);
  }

  /** A complete answer. */
  reply(status: number, body = '', fields: readonly string[] = []): void {
    const head = `HTTP/1.1 ${status} Text\r\ncontent-length: ${body.length}\r\n`;
    this.send(`${head}${lines(fields).join('')}\r\n${body}`);
  }

  onOpen(): void {
    this.origin.connections.add(this);
    this.origin.accepted += 1;
  }

  onData(_socket: Socket, bytes: Uint8Array): void {
    this.text += latin1(bytes);
    this.origin.onBytes(this, this.text);
    for (;;) {
      const length = requestLength(this.text);
      if (length < 0) return;
      const request = this.text.slice(0, length);
      this.text = this.text.slice(length);
      this.requests += 1;
      this.origin.requests.push(request);
      this.origin.respond(this, request);
    }
  }

  onDrain(): void {}

  onEnd(): void {
    this.socket.end();
  }

  onClose(): void {
    this.closed = true;
    this.origin.connections.delete(this);
  }
}

export type Respond = (connection: OriginConnection, request: string) => void;

export class Origin {
  readonly requests: string[] = [];
  readonly connections = new Set<OriginConnection>();
  accepted = 0;
  respond: Respond;
  /** Called with all unanswered bytes of a connection, for origins that act before a request is complete. */
  onBytes: Respond = () => {};
  readonly listener: Listener;

  constructor(network: Network, address: Address, respond: Respond = answer200) {
    this.respond = respond;
    this.listener = network.listen({ address, accept: (socket) => new OriginConnection(this, socket) });
  }

  get port(): number {
    return this.listener.address.kind === 'ip' ? this.listener.address.port : 0;
  }

  close(): void {
    this.listener.close();
    for (const connection of [...this.connections]) connection.socket.reset();
  }
}

export function answer200(connection: OriginConnection): void {
  connection.reply(200, 'fine');
}

function lines(fields: readonly string[]): readonly string[] {
  return fields.map((field) => `${field}\r\n`);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Length of the first whole request in `text`, or -1. Enough HTTP for requests that our own encoder writes. */
function requestLength(text: string): number {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return -1;
  const head = text.slice(0, headEnd).toLowerCase();
  if (head.includes('transfer-encoding: chunked')) {
    const end = text.indexOf('\r\n0\r\n', headEnd);
    if (end < 0) return -1;
    const trailersEnd = text.indexOf('\r\n\r\n', end);
    return trailersEnd < 0 ? -1 : trailersEnd + 4;
  }
  const length = Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0);
  return text.length >= headEnd + 4 + length ? headEnd + 4 + length : -1;
}
