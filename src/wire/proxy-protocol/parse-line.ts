// Version 1: one line of text, `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443`.

import { parseIp } from '../../base/index.ts';
import type { ProxyAddress, ProxyHeaderResult } from './types.ts';

/** `end` is the index of the line's LF. */
export function parseLine(bytes: Uint8Array, end: number): ProxyHeaderResult {
  if (bytes[end - 1] !== 13) return fault('ends in LF without CR');
  const text = String.fromCharCode(...bytes.subarray(0, end - 1));
  const [, family, ...rest] = text.split(' ');
  const consumed = end + 1;
  // What follows UNKNOWN is to be ignored, whatever it is.
  if (family === 'UNKNOWN') return { kind: 'header', consumed, header: { version: 1, ends: null, tlvs: [] } };
  const ipBytes = family === 'TCP4' ? 4 : family === 'TCP6' ? 16 : 0;
  if (ipBytes === 0) return fault(`family is none of TCP4, TCP6, UNKNOWN`);
  if (rest.length !== 4) return fault(`has ${rest.length} fields behind ${family}, not 4`);
  const [from, to, fromPort, toPort] = rest;
  const source = parseEnd(from, fromPort, ipBytes);
  const destination = parseEnd(to, toPort, ipBytes);
  if (source === null) return fault(`source is no ${family} address and port`);
  if (destination === null) return fault(`destination is no ${family} address and port`);
  return { kind: 'header', consumed, header: { version: 1, ends: { source, destination }, tlvs: [] } };
}

function parseEnd(host = '', port = '', ipBytes: number): ProxyAddress | null {
  if (parseIp(host)?.length !== ipBytes) return null;
  if (!/^(0|[1-9]\d{0,4})$/.test(port) || Number(port) > 65_535) return null;
  return { kind: 'ip', host: host.toLowerCase(), port: Number(port) };
}

function fault(what: string): ProxyHeaderResult {
  return { kind: 'fault', message: `PROXY line: ${what}` };
}
