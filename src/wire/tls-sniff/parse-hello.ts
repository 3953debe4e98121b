// The body of a ClientHello: three of its extensions are of interest, and all of it must fit together.

import { Cursor } from './cursor.ts';
import { tlsSniffLimits } from './limits.ts';
import type { ClientHello, ClientHelloResult, HelloOffer, TlsVersion } from './types.ts';

const extensionServerName = 0;
const extensionGroups = 10;
const extensionPointFormats = 11;
const extensionSignatures = 13;
const extensionAlpn = 16;
const extensionVersions = 43;
const nameTypeHost = 0;
const hostBytesMax = 255;
const randomBytes = 32;

const versionNames: Readonly<Record<number, TlsVersion>> = {
  769: 'TLSv1',
  770: 'TLSv1.1',
  771: 'TLSv1.2',
  772: 'TLSv1.3',
};

const ascii = new TextDecoder('latin1');

export function parseHelloBody(bytes: Uint8Array): ClientHelloResult {
  const cursor = new Cursor(bytes);
  const legacyVersion = cursor.number(2);
  cursor.take(randomBytes);
  cursor.vector(1);
  const suites = readNumbers(cursor.vector(2));
  cursor.vector(1);
  if (cursor.broken) return fault('ends early');
  const extensions = cursor.left === 0 ? new Map<number, Cursor>() : readExtensions(cursor);
  if (typeof extensions === 'string') return fault(extensions);
  const serverName = readServerName(extensions.get(extensionServerName));
  if (serverName instanceof Fault) return fault(serverName.message);
  const alpn = readAlpn(extensions.get(extensionAlpn));
  if (alpn instanceof Fault) return fault(alpn.message);
  const versions = readVersions(extensions.get(extensionVersions), legacyVersion);
  if (versions instanceof Fault) return fault(versions.message);
  const offer = {
    legacyVersion,
    suites,
    extensions: [...extensions.keys()],
    groups: readNumbers(extensions.get(extensionGroups)?.vector(2)),
    pointFormats: readNumbers(extensions.get(extensionPointFormats)?.vector(1), 1),
    signatures: readNumbers(extensions.get(extensionSignatures)?.vector(2)),
    versions: versions.numbers,
  };
  return {
    kind: 'hello',
    hello: { serverName, alpn, versions: versions.named, ecdsa: takesEcdsa(offer, versions.named), offer },
  };
}

const p256 = 23;
const ecdsaP256Sha256 = 0x0403;
/** ECDHE_ECDSA suites of TLS 1.2 and older; from 1.3 on suites say nothing of keys. */
const ecdsaSuites: ReadonlySet<number> = new Set([0xc009, 0xc00a, 0xc023, 0xc024, 0xc02b, 0xc02c, 0xcca9]);

/** As BoringSSL decides (Envoy's way to choose between certificates): curve, signature, and before 1.3 a suite. */
function takesEcdsa({ suites, groups, signatures }: HelloOffer, versions: readonly TlsVersion[]): boolean {
  if (!groups.includes(p256) || !signatures.includes(ecdsaP256Sha256)) return false;
  return versions.includes('TLSv1.3') || suites.some((suite) => ecdsaSuites.has(suite));
}

function readNumbers(list: Cursor | undefined, size = 2): readonly number[] {
  const numbers: number[] = [];
  while (list !== undefined && list.left >= size) numbers.push(list.number(size));
  return numbers;
}

class Fault {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

function readExtensions(cursor: Cursor): Map<number, Cursor> | string {
  const list = cursor.vector(2);
  if (cursor.broken || cursor.left > 0) return 'its extensions do not end with it';
  const found = new Map<number, Cursor>();
  while (list.left > 0) {
    const type = list.number(2);
    const body = list.vector(2);
    if (list.broken) return 'an extension does not fit into it';
    if (found.has(type)) return `extension ${type} twice`;
    found.set(type, body);
  }
  return found;
}

/** RFC 6066 section 3: one name of type host_name. Names of other types are skipped. */
function readServerName(extension: Cursor | undefined): string | null | Fault {
  if (extension === undefined) return null;
  const list = extension.vector(2);
  if (extension.broken || extension.left > 0) return new Fault('server name extension does not fit');
  let found: string | null = null;
  while (list.left > 0) {
    const type = list.number(1);
    const name = list.take(list.number(2));
    if (list.broken) return new Fault('server name does not fit');
    if (type !== nameTypeHost) continue;
    if (found !== null) return new Fault('two server names');
    const text = ascii.decode(name);
    if (name.length === 0 || name.length > hostBytesMax || !/^[!-~]+$/.test(text))
      return new Fault('server name is no host name');
    found = text.toLowerCase();
  }
  return found;
}

function readAlpn(extension: Cursor | undefined): string[] | Fault {
  if (extension === undefined) return [];
  const list = extension.vector(2);
  if (extension.broken || extension.left > 0) return new Fault('ALPN extension does not fit');
  const found: string[] = [];
  while (list.left > 0) {
    const name = list.take(list.number(1));
    if (list.broken || name.length === 0) return new Fault('ALPN name does not fit');
    if (found.length === tlsSniffLimits.alpnMax)
      return new Fault(`more than ${tlsSniffLimits.alpnMax} ALPN names`);
    found.push(ascii.decode(name));
  }
  return found;
}

/** Without the extension (TLS 1.2 and older) the client takes every version up to the one it names. */
function readVersions(extension: Cursor | undefined, legacyVersion: number): OfferedVersions | Fault {
  const numbers: number[] = [];
  if (extension === undefined) {
    for (let version = Math.min(legacyVersion, 0x0303); version > 0x0300; version--) numbers.push(version);
    return { named: nameVersions(numbers), numbers: [] };
  }
  const list = extension.vector(1);
  while (list.left > 0 && !list.broken) numbers.push(list.number(2));
  if (extension.broken || extension.left > 0 || list.broken)
    return new Fault('versions extension does not fit');
  return { named: nameVersions(numbers), numbers };
}

interface OfferedVersions {
  readonly named: ClientHello['versions'];
  readonly numbers: readonly number[];
}

function nameVersions(numbers: readonly number[]): ClientHello['versions'] {
  return [...new Set(numbers)].sort((a, b) => b - a).flatMap((version) => versionNames[version] ?? []);
}

function fault(what: string): ClientHelloResult {
  return { kind: 'fault', message: `ClientHello: ${what}` };
}
