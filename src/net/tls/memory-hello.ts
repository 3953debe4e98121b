// The first message of the stand-in's TLS: a real ClientHello as far as anybody reads ahead, with a number in place of
// the session id by which the other end of the simulation finds the handshake that it belongs to.

/** Record header, message header, version, random, length of the session id. */
const sessionIdAt = 5 + 4 + 2 + 32 + 1;

export function encodeHello(id: number, serverName: string | null, alpn: readonly string[]): Buffer {
  const name = Buffer.from(serverName ?? '', 'latin1');
  const extensions = Buffer.concat([
    serverName === null
      ? Buffer.alloc(0)
      : extension(0, vector(2, Buffer.concat([Buffer.of(0), vector(2, name)]))),
    alpn.length === 0
      ? Buffer.alloc(0)
      : extension(
          16,
          vector(2, Buffer.concat(alpn.map((protocol) => vector(1, Buffer.from(protocol, 'latin1'))))),
        ),
  ]);
  const sessionId = Buffer.alloc(32);
  sessionId.writeUInt32BE(id);
  const body = Buffer.concat([
    Buffer.of(3, 3),
    Buffer.alloc(32),
    vector(1, sessionId),
    vector(2, Buffer.of(0x13, 0x01)),
    vector(1, Buffer.of(0)),
    vector(2, extensions),
  ]);
  return encodeRecord(handshakeRecord, Buffer.concat([Buffer.of(1, 0), vector(2, body)]));
}

export function readHelloId(record: Buffer): number {
  return record.length < sessionIdAt + 4 ? -1 : record.readUInt32BE(sessionIdAt);
}

export const handshakeRecord = 22;
export const dataRecord = 23;
export const recordHeaderBytes = 5;
export const recordBytesMax = 16_384;

export function encodeRecord(type: number, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(type, 3, 3, body.length >> 8, body.length & 255), body]);
}

function extension(type: number, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(0, type), vector(2, body)]);
}

function vector(size: 1 | 2, body: Uint8Array): Buffer {
  return Buffer.concat([
    size === 1 ? Buffer.of(body.length) : Buffer.of(body.length >> 8, body.length & 255),
    body,
  ]);
}
