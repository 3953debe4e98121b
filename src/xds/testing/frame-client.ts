// A client of the ADS server by its frames: what it does with its windows, and when it leaves, is the test's.

import type { Address, Network, Socket, SocketHandler } from '../../net/index.ts';
import { encodeDeltaRequest } from '../discovery/encode.ts';
import { typeUrls } from '../index.ts';
import { encodeFrame, FrameParser } from '../transport/grpc-framing.ts';
import { adsPaths } from '../transport/grpc-protocol.ts';
import { testNode } from './resources.ts';

export const frameType = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
} as const;

export function deltaRequest(typeUrl: string, subscribe: readonly string[], nonce = ''): Uint8Array {
  return encodeDeltaRequest({
    typeUrl,
    nonce,
    subscribe,
    unsubscribe: [],
    initialVersions: new Map(),
    node: testNode,
    error: null,
  });
}

function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array | readonly number[],
): Uint8Array {
  const bytes = new Uint8Array(9 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length * 256 + type);
  bytes[4] = flags;
  view.setUint32(5, stream);
  bytes.set(payload, 9);
  return bytes;
}

function uint32(value: number): readonly number[] {
  return [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

/** Literal fields without indexing (RFC 7541 section 6.2.2), names and values shorter than 127. */
function block(fields: readonly (readonly [string, string])[]): readonly number[] {
  const text = (value: string) => [value.length, ...new TextEncoder().encode(value)];
  return fields.flatMap(([name, value]) => [0, ...text(name), ...text(value)]);
}

const call = block([
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', adsPaths.delta],
  [':authority', 'control'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
]);

/** A client by its frames. It answers SETTINGS and PING; what it does with its windows is the test's. */
export class FrameClient implements SocketHandler {
  readonly socket: Socket;
  frames = 0;
  dataBytes = 0;
  readonly messages: Uint8Array[] = [];
  closed = false;
  /** Called with each frame from the server, after it was counted. */
  onFrame: (type: number, client: FrameClient) => void = () => {};
  private readonly parser = new FrameParser();
  private held = new Uint8Array();
  private readonly window: number;

  constructor(network: Network, address: Address, window: number) {
    this.window = window;
    this.socket = network.connect(address, this);
  }

  onOpen(): void {
    this.send(new TextEncoder().encode('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'));
    this.send(frame(frameType.settings, 0, 0, [0, 4, ...uint32(this.window)]));
    this.send(frame(frameType.headers, 4, 1, call));
    this.say(deltaRequest(typeUrls.cluster, ['*']));
  }

  say(message: Uint8Array): void {
    this.send(frame(frameType.data, 0, 1, encodeFrame(message)));
  }

  open(stream: number, bytes: number): void {
    this.send(frame(frameType.windowUpdate, 0, stream, uint32(bytes)));
  }

  reset(): void {
    this.send(frame(frameType.reset, 0, 1, uint32(8)));
  }

  private send(bytes: Uint8Array): void {
    if (!this.closed) this.socket.write(bytes, 0, bytes.length);
  }

  onData(_socket: Socket, bytes: Uint8Array): void {
    const all = new Uint8Array(this.held.length + bytes.length);
    all.set(this.held);
    all.set(bytes, this.held.length);
    let at = 0;
    while (all.length - at >= 9) {
      const length = (all[at]! << 16) | (all[at + 1]! << 8) | all[at + 2]!;
      if (all.length - at < 9 + length) break;
      this.take(all[at + 3]!, all[at + 4]!, all.subarray(at + 9, at + 9 + length));
      at += 9 + length;
    }
    this.held = all.slice(at);
  }

  private take(type: number, flags: number, payload: Uint8Array): void {
    this.frames += 1;
    if (type === frameType.settings && flags === 0) this.send(frame(frameType.settings, 1, 0, []));
    else if (type === frameType.ping && flags === 0) this.send(frame(frameType.ping, 1, 0, payload));
    else if (type === frameType.data) {
      this.dataBytes += payload.length;
      this.parser.push(payload, (message) => this.messages.push(message.slice()));
    }
    this.onFrame(type, this);
  }

  onDrain(): void {}

  onEnd(): void {
    this.socket.end();
  }

  onClose(): void {
    this.closed = true;
  }
}
