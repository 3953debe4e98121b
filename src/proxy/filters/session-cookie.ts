// What stands in the cookie of a session: envoy.Cookie in protobuf (1: address, 2: expires, in seconds), by base64; so
// a client keeps its endpoint when one of the two proxies takes the other's place. Of a cookie by an older Envoy it is
// the address itself.

export function encodeSession(address: string, expiresSeconds: number): string {
  const text = Buffer.from(address, 'latin1');
  const expires = expiresSeconds === 0 ? [] : [0x10, ...varint(expiresSeconds)];
  return Buffer.from([0x0a, ...varint(text.length), ...text, ...expires]).toString('base64');
}

/** The address; '' where there is none that still holds. */
export function decodeSession(value: string, nowWallMs: number): string {
  const bytes = decodeBase64(value);
  const message = parse(bytes);
  if (message === null) return bytes.toString('latin1');
  const { address, expires } = message;
  return expires !== 0 && expires * 1000 < nowWallMs ? '' : address;
}

/** Of standard base64, whole and padded; anything else is empty, as Envoy reads it. */
export function decodeBase64(text: string): Buffer {
  const shape = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
  return shape.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0);
}

/** null: these bytes are no such message. Fields of other numbers are passed over. */
function parse(bytes: Uint8Array): { readonly address: string; readonly expires: number } | null {
  let address = '';
  let expires = 0;
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let scale = 1; at < bytes.length && scale < 2 ** 63; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  while (at < bytes.length) {
    const tag = readVarint();
    const [field, type] = [Math.floor(tag / 8), tag % 8];
    const value = type === 0 || type === 2 ? readVarint() : Number.NaN;
    if (!(value >= 0) || field < 1) return null;
    if (type === 2) {
      if (at + value > bytes.length) return null;
      if (field === 1) address = Buffer.from(bytes.subarray(at, at + value)).toString('latin1');
      at += value;
    } else if (field === 2) expires = value;
  }
  return { address, expires };
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return [...bytes, left];
    bytes.push((left % 128) | 0x80);
  }
}
