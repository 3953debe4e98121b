// Writes PROXY headers towards upstreams that want to know the real client.

import { parseIp } from '../../base/index.ts';
import { proxyProtocolLimits } from './limits.ts';
import {
  addressBytes,
  fixedBytes,
  type ProxyAddress,
  type ProxyHeader,
  signature,
  type Tlv,
  unixPathBytes,
} from './types.ts';

type Ends = ProxyHeader['ends'];

/** Ends of which a line cannot speak (unix sockets, one of each family) are UNKNOWN. */
export function encodeProxyLine(ends: Ends): string {
  if (ends === null || ends.source.kind !== 'ip' || ends.destination.kind !== 'ip')
    return 'PROXY UNKNOWN\r\n';
  const { source, destination } = ends;
  const lengths = [parseIp(source.host)?.length, parseIp(destination.host)?.length];
  if (lengths[0] === undefined || lengths[0] !== lengths[1]) return 'PROXY UNKNOWN\r\n';
  const family = lengths[0] === 4 ? 'TCP4' : 'TCP6';
  return `PROXY ${family} ${source.host} ${destination.host} ${source.port} ${destination.port}\r\n`;
}

/** Null ends make a LOCAL header. Returns null when the TLVs do not fit into {@link proxyProtocolLimits}. */
export function encodeProxyHeader(ends: Ends, tlvs: readonly Tlv[] = []): Uint8Array | null {
  const addresses = ends === null ? null : encodeEnds(ends.source, ends.destination);
  const blockBytes = addresses?.bytes.length ?? 0;
  const total = fixedBytes + blockBytes + tlvs.reduce((sum, { value }) => sum + 3 + value.length, 0);
  if (total > proxyProtocolLimits.headerBytesMax || tlvs.length > proxyProtocolLimits.tlvsMax) return null;
  const header = new Uint8Array(total);
  header.set(signature);
  header[12] = ends === null ? 0x20 : 0x21;
  header[13] = addresses === null || addresses.family === 0 ? 0 : (addresses.family << 4) | 1;
  header[14] = (total - fixedBytes) >> 8;
  header[15] = (total - fixedBytes) & 255;
  if (addresses !== null) header.set(addresses.bytes, fixedBytes);
  let at = fixedBytes + blockBytes;
  for (const { type, value } of tlvs) {
    header.set([type, value.length >> 8, value.length & 255], at);
    header.set(value, at + 3);
    at += 3 + value.length;
  }
  return header;
}

/** Family 0 (UNSPEC) when the two ends have no family in common. */
function encodeEnds(source: ProxyAddress, destination: ProxyAddress): { family: number; bytes: Uint8Array } {
  const unspecified = { family: 0, bytes: new Uint8Array(0) };
  if (source.kind === 'unix' || destination.kind === 'unix') {
    if (source.kind !== destination.kind) return unspecified;
    const bytes = new Uint8Array(2 * unixPathBytes);
    for (const [at, end] of [source, destination].entries())
      if (end.kind === 'unix') bytes.set(encodePath(end.path), at * unixPathBytes);
    return { family: 3, bytes };
  }
  const [from, to] = [parseIp(source.host), parseIp(destination.host)];
  if (from === null || to === null || from.length !== to.length) return unspecified;
  const family = from.length === 4 ? 1 : 2;
  const bytes = new Uint8Array(addressBytes[family] ?? 0);
  bytes.set(from);
  bytes.set(to, from.length);
  new DataView(bytes.buffer).setUint16(2 * from.length, source.port);
  new DataView(bytes.buffer).setUint16(2 * from.length + 2, destination.port);
  return { family, bytes };
}

function encodePath(path: string): Uint8Array {
  return Uint8Array.from(path, (unit) => unit.charCodeAt(0)).subarray(0, unixPathBytes);
}
