// Version 2: a fixed head, the two addresses, then TLVs.

import { formatIp } from '../../base/index.ts';
import { crc32c } from './crc32c.ts';
import { proxyProtocolLimits } from './limits.ts';
import {
  addressBytes,
  fixedBytes,
  type ProxyAddress,
  type ProxyHeader,
  type ProxyHeaderResult,
  type Tlv,
  tlvTypes,
  unixPathBytes,
} from './types.ts';

const { headerBytesMax, tlvsMax } = proxyProtocolLimits;
const commandProxy = 1;
const transportStream = 1;
const familyUnspecified = 0;
const familyIpv4 = 1;
const familyUnix = 3;
const latin1 = new TextDecoder('latin1');

/** `bytes` begin with the signature. */
export function parseBinary(bytes: Uint8Array): ProxyHeaderResult {
  if (bytes.length < fixedBytes) return { kind: 'more', needed: fixedBytes };
  const versionAndCommand = bytes[12] ?? 0;
  if (versionAndCommand >> 4 !== 2) return fault(`version is ${versionAndCommand >> 4}, not 2`);
  const command = versionAndCommand & 15;
  if (command > commandProxy) return fault(`command is ${command}, neither LOCAL nor PROXY`);
  const end = fixedBytes + (((bytes[14] ?? 0) << 8) | (bytes[15] ?? 0));
  if (end > headerBytesMax) return fault(`${end} bytes, at most ${headerBytesMax}`);
  const family = (bytes[13] ?? 0) >> 4;
  const transport = (bytes[13] ?? 0) & 15;
  const isLocal = command !== commandProxy || family === familyUnspecified;
  if (!isLocal && transport !== transportStream) return fault(`transport is ${transport}, not a stream`);
  const size = addressBytes[family];
  if (size === undefined) return fault(`family is ${family}, at most ${familyUnix}`);
  if (!isLocal && fixedBytes + size > end) return fault('is too short for its addresses');
  if (bytes.length < end) return { kind: 'more', needed: end };
  const header = bytes.subarray(0, end);
  // LOCAL may leave the addresses out although it names a family.
  const tlvs = parseTlvs(header, Math.min(fixedBytes + size, end));
  if (typeof tlvs === 'string') return fault(tlvs);
  const wrong = checkSum(header, tlvs);
  if (wrong !== null) return fault(wrong);
  const ends = isLocal ? null : readEnds(header, family);
  return { kind: 'header', consumed: end, header: { version: 2, ends, tlvs: tlvs.map(({ tlv }) => tlv) } };
}

function readEnds(bytes: Uint8Array, family: number): NonNullable<ProxyHeader['ends']> {
  if (family === familyUnix) {
    const middle = fixedBytes + unixPathBytes;
    return { source: readPath(bytes, fixedBytes), destination: readPath(bytes, middle) };
  }
  const ipBytes = family === familyIpv4 ? 4 : 16;
  const ports = fixedBytes + 2 * ipBytes;
  return {
    source: readIp(bytes, fixedBytes, ipBytes, ports),
    destination: readIp(bytes, fixedBytes + ipBytes, ipBytes, ports + 2),
  };
}

function readIp(bytes: Uint8Array, at: number, length: number, portAt: number): ProxyAddress {
  const port = ((bytes[portAt] ?? 0) << 8) | (bytes[portAt + 1] ?? 0);
  return { kind: 'ip', host: formatIp(bytes.subarray(at, at + length)), port };
}

/** Up to its first zero byte, unless the name is abstract and begins with one. */
function readPath(bytes: Uint8Array, at: number): ProxyAddress {
  const path = bytes.subarray(at, at + unixPathBytes);
  const end = path.indexOf(0, path[0] === 0 ? 1 : 0);
  return { kind: 'unix', path: latin1.decode(end < 0 ? path : path.subarray(0, end)) };
}

interface PlacedTlv {
  readonly tlv: Tlv;
  /** Of its value in the header. */
  readonly at: number;
}

function parseTlvs(bytes: Uint8Array, start: number): PlacedTlv[] | string {
  const tlvs: PlacedTlv[] = [];
  for (let at = start; at < bytes.length; ) {
    if (at + 3 > bytes.length) return 'ends inside of a TLV';
    const length = ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const end = at + 3 + length;
    if (end > bytes.length) return 'ends inside of a TLV';
    if (tlvs.length === tlvsMax) return `more than ${tlvsMax} TLVs`;
    // A Buffer's slice() is a view: what is kept must be copied otherwise.
    const value = new Uint8Array(bytes.subarray(at + 3, end));
    tlvs.push({ tlv: { type: bytes[at] ?? 0, value }, at: at + 3 });
    at = end;
  }
  return tlvs;
}

/** Over the whole header, with the sum's own four bytes as zeros. */
function checkSum(header: Uint8Array, tlvs: readonly PlacedTlv[]): string | null {
  const sums = tlvs.filter(({ tlv }) => tlv.type === tlvTypes.crc32c);
  const [sum] = sums;
  if (sum === undefined) return null;
  if (sums.length > 1 || sum.tlv.value.length !== 4) return 'CRC32c is not one TLV of 4 bytes';
  const copy = new Uint8Array(header);
  copy.fill(0, sum.at, sum.at + 4);
  const said = new DataView(sum.tlv.value.buffer).getUint32(0);
  return crc32c(copy) === said ? null : 'CRC32c does not fit the header';
}

function fault(what: string): ProxyHeaderResult {
  return { kind: 'fault', message: `PROXY header: ${what}` };
}
