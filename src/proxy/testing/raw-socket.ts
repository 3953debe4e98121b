// A client that sends bytes as they are over a real socket, and says what came back: for what no HTTP library lets one
// send.

import { connect, type Socket } from 'node:net';

export interface SocketAnswer {
  readonly status: number;
  /** By lower-case name; of repeated fields all values, joined. */
  readonly fields: ReadonlyMap<string, string>;
  /** All that followed the head. */
  readonly rest: string;
}

export class RawSocket {
  received = '';
  ended = false;
  closed = false;
  readonly socket: Socket;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.socket.on('data', (bytes) => {
      this.received += bytes.toString('latin1');
    });
    this.socket.on('end', () => {
      this.ended = true;
    });
    this.socket.on('close', () => {
      this.closed = true;
    });
    this.socket.on('error', () => {});
  }

  send(text: string): this {
    this.socket.write(Buffer.from(text, 'latin1'));
    return this;
  }

  get answer(): SocketAnswer | null {
    return parseAnswer(this.received);
  }
}

export function parseAnswer(text: string): SocketAnswer | null {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [line = '', ...rest] = text.slice(0, end).split('\r\n');
  const fields = new Map<string, string>();
  for (const field of rest) {
    const colon = field.indexOf(':');
    const name = field.slice(0, colon).toLowerCase();
    const value = field.slice(colon + 1).trim();
    fields.set(name, fields.has(name) ? `${fields.get(name)}, ${value}` : value);
  }
  return { status: Number(line.slice(9, 12)), fields, rest: text.slice(end + 4) };
}
