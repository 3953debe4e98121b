import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { crc32c } from './crc32c.ts';
import {
  encodeProxyHeader,
  encodeProxyLine,
  type ProxyAddress,
  type ProxyHeader,
  type ProxyHeaderResult,
  parseProxyHeader,
  proxyProtocolLimits,
  readProxyTlsFacts,
  tlvTypes,
} from './index.ts';
import { signature } from './types.ts';

const line = (text: string) => Buffer.from(text, 'latin1');
const binary = (versionAndCommand: number, family: number, block: readonly number[], length = block.length) =>
  Uint8Array.from([...signature, versionAndCommand, family, length >> 8, length & 255, ...block]);
const ip = (host: string, port: number): ProxyAddress => ({ kind: 'ip', host, port });
const ipv4Block = [192, 0, 2, 1, 198, 51, 100, 2, 0x1f, 0x90, 1, 0xbb];
const ipv4Ends = { source: ip('192.0.2.1', 8080), destination: ip('198.51.100.2', 443) };
const zeros = (count: number) => new Array<number>(count).fill(0);
const path = (text: string) => [...Buffer.from(text), ...zeros(108 - text.length)];

function header(
  version: 1 | 2,
  ends: ProxyHeader['ends'],
  consumed: number,
  tlvs: ProxyHeader['tlvs'] = [],
): ProxyHeaderResult {
  return { kind: 'header', consumed, header: { version, ends, tlvs } };
}

/** A header with its sum in place, by the plain definition: over all of it with zeros where the sum stands. */
function summed(): Uint8Array {
  const bytes = binary(0x21, 0x11, [...ipv4Block, tlvTypes.crc32c, 0, 4, 0, 0, 0, 0]);
  new DataView(bytes.buffer).setUint32(bytes.length - 4, crc32c(bytes));
  return bytes;
}

const tcp4 = 'PROXY TCP4 192.0.2.1 198.51.100.2 8080 443\r\n';
const cases: readonly (readonly [name: string, bytes: Uint8Array, expected: ProxyHeaderResult | string])[] = [
  ['a line, IPv4', line(`${tcp4}GET /`), header(1, ipv4Ends, tcp4.length)],
  [
    'a line, IPv6',
    line('PROXY TCP6 2001:DB8::1 ::1 1 65535\r\n'),
    header(1, { source: ip('2001:db8::1', 1), destination: ip('::1', 65_535) }, 36),
  ],
  ['a line, unknown', line('PROXY UNKNOWN\r\n'), header(1, null, 15)],
  ['a line, unknown with addresses', line('PROXY UNKNOWN 1 2 3 4\r\n'), header(1, null, 23)],
  ['the longest line', line(`PROXY UNKNOWN ${'f'.repeat(91)}\r\n`), header(1, null, 107)],
  ['a line over its bound', line(`PROXY UNKNOWN ${'f'.repeat(92)}\r\n`), 'longer than 107 bytes'],
  ['a line without CR', line('PROXY TCP4 192.0.2.1 198.51.100.2 8080 443\n'), 'LF without CR'],
  ['a line of another family', line('PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n'), 'none of TCP4'],
  ['a line with the wrong family', line('PROXY TCP4 ::1 ::1 1 1\r\n'), 'source is no TCP4'],
  ['a line with octal numbers', line('PROXY TCP4 192.0.2.01 1.1.1.1 1 1\r\n'), 'source is no TCP4'],
  ['a line with a port over 65535', line('PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n'), 'destination is no'],
  ['a line with a leading zero in a port', line('PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n'), 'source is no'],
  ['a line with two spaces', line('PROXY TCP4  1.1.1.1 1.1.1.1 1 1\r\n'), 'has 5 fields'],
  ['a line with too few fields', line('PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n'), 'has 3 fields'],
  ['half a line', line('PROXY TCP4 192.'), { kind: 'more', needed: 16 }],
  ['a request', line('POST / HTTP/1.1\r\n'), { kind: 'none' }],
  ['a blank line before a request', line('\r\nGET / HTTP/1.1\r\n'), { kind: 'none' }],
  ['binary, IPv4', binary(0x21, 0x11, ipv4Block), header(2, ipv4Ends, 28)],
  [
    'binary, IPv6',
    binary(0x21, 0x21, [...zeros(15), 1, 32, 1, 13, 184, ...zeros(11), 9, 0, 80, 0, 81]),
    header(2, { source: ip('::1', 80), destination: ip('2001:db8::9', 81) }, 52),
  ],
  [
    'binary, unix',
    binary(0x21, 0x31, [...path('/run/a.sock'), ...path('\0b')]),
    header(
      2,
      { source: { kind: 'unix', path: '/run/a.sock' }, destination: { kind: 'unix', path: '\0b' } },
      232,
    ),
  ],
  ['binary, local', binary(0x20, 0, []), header(2, null, 16)],
  ['binary, local with a family and no addresses', binary(0x20, 0x11, []), header(2, null, 16)],
  ['binary, local with addresses', binary(0x20, 0x11, ipv4Block), header(2, null, 28)],
  ['binary, unspecified', binary(0x21, 0, []), header(2, null, 16)],
  [
    'binary with TLVs',
    binary(0x21, 0x11, [...ipv4Block, tlvTypes.authority, 0, 2, 97, 98, 0xe0, 0, 0]),
    header(2, ipv4Ends, 36, [
      { type: tlvTypes.authority, value: Uint8Array.of(97, 98) },
      { type: 0xe0, value: new Uint8Array(0) },
    ]),
  ],
  [
    'binary with its sum',
    summed(),
    header(2, ipv4Ends, 35, [{ type: tlvTypes.crc32c, value: summed().slice(-4) }]),
  ],
  [
    'binary with a wrong sum',
    Uint8Array.from(summed(), (byte, at) => (at === 17 ? byte ^ 1 : byte)),
    'CRC32c does not fit',
  ],
  ['binary, version 1', binary(0x11, 0x11, ipv4Block), 'version is 1'],
  ['binary, another command', binary(0x22, 0x11, ipv4Block), 'command is 2'],
  ['binary, another family', binary(0x21, 0x41, ipv4Block), 'family is 4'],
  ['binary, datagrams', binary(0x21, 0x12, ipv4Block), 'transport is 2'],
  ['binary, too short', binary(0x21, 0x11, ipv4Block.slice(1)), 'too short'],
  ['binary, half a TLV', binary(0x21, 0x11, [...ipv4Block, 1]), 'inside of a TLV'],
  ['binary, a TLV over the end', binary(0x21, 0x11, [...ipv4Block, 1, 0, 2, 7]), 'inside of a TLV'],
  ['binary over the bound', binary(0x21, 0x11, [], 4_081), `at most ${proxyProtocolLimits.headerBytesMax}`],
  ['binary with too many TLVs', binary(0x20, 0, zeros(65 * 3)), 'more than 64 TLVs'],
  ['half a binary', binary(0x21, 0x11, ipv4Block).subarray(0, 20), { kind: 'more', needed: 28 }],
];

function feedByByte(bytes: Uint8Array): ProxyHeaderResult {
  let needed = 0;
  for (let length = 0; length <= bytes.length; length++) {
    const result = parseProxyHeader(bytes.subarray(0, length));
    if (result.kind !== 'more') {
      expect(length).toBeGreaterThanOrEqual(needed);
      return result;
    }
    expect(result.needed).toBeGreaterThan(length);
    needed = result.needed;
  }
  return { kind: 'more', needed };
}

describe('PROXY header', () => {
  for (const [name, bytes, expected] of cases) {
    test(name, () => {
      const whole = parseProxyHeader(bytes);
      const buffer = Buffer.from(bytes);
      expect(parseProxyHeader(buffer)).toEqual(whole);
      expect(buffer.equals(bytes)).toBe(true);
      if (typeof expected === 'string') {
        expect(whole.kind === 'fault' && whole.message).toContain(expected);
        expect(feedByByte(bytes).kind).toBe('fault');
      } else {
        expect(whole).toEqual(expected);
        expect(feedByByte(bytes)).toEqual(whole);
      }
    });
  }

  const anyIpv4 = fc.tuple(fc.ipV4(), fc.nat(65_535)).map(([host, port]) => ip(host, port));
  const anyIpv6 = fc
    .tuple(fc.array(fc.integer({ min: 1, max: 0xffff }), { minLength: 8, maxLength: 8 }), fc.nat(65_535))
    .map(([groups, port]) => ip(groups.map((group) => group.toString(16)).join(':'), port));
  const anyUnix = fc
    .stringMatching(/^\/[a-z]{1,107}$/)
    .map((text): ProxyAddress => ({ kind: 'unix', path: text }));
  const anyEnds = fc
    .oneof(fc.tuple(anyIpv4, anyIpv4), fc.tuple(anyIpv6, anyIpv6), fc.tuple(anyUnix, anyUnix))
    .map(([source, destination]) => ({ source, destination }));
  // 3 is the sum, which is checked.
  const anyTlv = fc.record({
    type: fc.nat(255).filter((type) => type !== tlvTypes.crc32c),
    value: fc.uint8Array({ maxLength: 40 }),
  });

  test('what is encoded is parsed again', () => {
    fc.assert(
      fc.property(fc.option(anyEnds), fc.array(anyTlv, { maxLength: 8 }), (ends, tlvs) => {
        const bytes = encodeProxyHeader(ends, tlvs)!;
        expect(parseProxyHeader(bytes)).toEqual(header(2, ends, bytes.length, tlvs));
        const text = encodeProxyLine(ends);
        const named = ends?.source.kind === 'ip' ? ends : null;
        expect(parseProxyHeader(line(`${text}rest`))).toEqual(header(1, named, text.length));
      }),
    );
  });

  test('ends of two families are unknown, and what is too long is not written', () => {
    const mixed = { source: ip('1.1.1.1', 1), destination: ip('::1', 1) };
    expect(encodeProxyLine(mixed)).toBe('PROXY UNKNOWN\r\n');
    expect(parseProxyHeader(encodeProxyHeader(mixed)!)).toEqual(header(2, null, 16));
    expect(encodeProxyHeader(null, [{ type: 1, value: new Uint8Array(4_096) }])).toBeNull();
    expect(encodeProxyHeader(null, new Array(65).fill({ type: 4, value: new Uint8Array(0) }))).toBeNull();
  });

  test('any bytes have a verdict, and no other when they come one by one', () => {
    const start = fc.constantFrom(
      [...signature],
      [...signature, 0x21, 0x11, 0],
      [...Buffer.from('PROXY TCP4 ')],
      [],
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 120 }), (head, tail) => {
        const bytes = Uint8Array.from([...head, ...tail]);
        expect(feedByByte(bytes).kind).toBe(parseProxyHeader(bytes).kind);
      }),
      { numRuns: 500 },
    );
  });

  test('the published check value of CRC-32C', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });
});

describe('what a header says of TLS', () => {
  const nested = (type: number, text: string) => [type, 0, text.length, ...Buffer.from(text)];
  const ssl = (...value: number[]) => [{ type: tlvTypes.ssl, value: Uint8Array.from(value) }];
  const plain = {
    tls: true,
    certificate: false,
    verified: false,
    version: null,
    commonName: null,
    cipher: null,
  };

  test('version, cipher and the name in the certificate', () => {
    const value = [
      7,
      0,
      0,
      0,
      0,
      ...nested(0x21, 'TLSv1.3'),
      ...nested(0x22, 'ledger'),
      ...nested(0x23, 'AES'),
    ];
    expect(readProxyTlsFacts(ssl(...value))).toEqual({
      tls: true,
      certificate: true,
      verified: true,
      version: 'TLSv1.3',
      commonName: 'ledger',
      cipher: 'AES',
    });
  });
  test('no certificate is not verified, whatever the result says', () => {
    expect(readProxyTlsFacts(ssl(1, 0, 0, 0, 0))).toEqual(plain);
    expect(readProxyTlsFacts(ssl(3, 0, 0, 0, 1))).toEqual({ ...plain, certificate: true });
  });
  test('absent or broken, it says nothing', () => {
    expect(readProxyTlsFacts([])).toBeNull();
    expect(readProxyTlsFacts(ssl(1, 0, 0))).toBeNull();
    expect(readProxyTlsFacts(ssl(1, 0, 0, 0, 0, 0x21, 0, 9, 65))).toBeNull();
  });
});
