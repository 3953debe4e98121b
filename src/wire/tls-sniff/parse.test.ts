import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type ClientHelloResult, parseClientHello, tlsSniffLimits } from './index.ts';

const u16 = (value: number) => [value >> 8, value & 255];
const vector = (size: 1 | 2, bytes: readonly number[]) =>
  size === 1 ? [bytes.length, ...bytes] : [...u16(bytes.length), ...bytes];
const text = (value: string) => [...Buffer.from(value, 'latin1')];
const extension = (type: number, body: readonly number[]) => [...u16(type), ...vector(2, body)];
const serverName = (...names: string[]) =>
  extension(
    0,
    vector(
      2,
      names.flatMap((name) => [0, ...vector(2, text(name))]),
    ),
  );
const alpn = (...names: string[]) =>
  extension(
    16,
    vector(
      2,
      names.flatMap((name) => vector(1, text(name))),
    ),
  );
const versions = (...numbers: number[]) => extension(43, vector(1, numbers.flatMap(u16)));

function body(extensions: readonly number[] | null, legacy = 0x0303): number[] {
  const fixed = [
    ...u16(legacy),
    ...new Array(32).fill(7),
    ...vector(1, []),
    ...vector(2, [19, 1]),
    ...vector(1, [0]),
  ];
  return extensions === null ? fixed : [...fixed, ...vector(2, extensions)];
}
function message(bytes: readonly number[]): number[] {
  return [1, 0, ...u16(bytes.length), ...bytes];
}
/** In records of `size` bytes each. */
function records(bytes: readonly number[], size = 16_384): Uint8Array {
  const out: number[] = [];
  for (let at = 0; at < bytes.length; at += size)
    out.push(22, 3, 1, ...vector(2, bytes.slice(at, at + size)));
  return Uint8Array.from(out);
}
const hello = (extensions: readonly number[] | null, legacy?: number) =>
  records(message(body(extensions, legacy)));

/** The verdict when the bytes come one after the other, which must not come before `needed`. */
function feedByByte(bytes: Uint8Array): ClientHelloResult {
  let needed = 0;
  for (let length = 0; length <= bytes.length; length++) {
    const result = parseClientHello(bytes.subarray(0, length));
    if (result.kind !== 'more') {
      if (result.kind !== 'fault') expect(length).toBeGreaterThanOrEqual(needed);
      return result;
    }
    expect(result.needed).toBeGreaterThan(length);
    needed = result.needed;
  }
  return { kind: 'more', needed };
}

test('what a client offers, in its order', () => {
  const groups = [0, 10, 0, 6, 0, 4, 0, 29, 0, 23];
  const pointFormats = [0, 11, 0, 2, 1, 0];
  const signatures = [0, 13, 0, 6, 0, 4, 4, 3, 8, 4];
  const result = parseClientHello(
    hello([...signatures, ...groups, ...pointFormats, ...versions(0x0304, 0x0303)]),
  );
  expect(result.kind === 'hello' ? result.hello.offer : null).toMatchObject({
    legacyVersion: 0x0303,
    extensions: [13, 10, 11, 43],
    groups: [29, 23],
    pointFormats: [0],
    signatures: [0x0403, 0x0804],
    versions: [0x0304, 0x0303],
  });
});

const all = [0x0304, 0x0303];
const cases: readonly (readonly [name: string, bytes: Uint8Array, expected: ClientHelloResult | string])[] = [
  [
    'name, protocols and versions',
    hello([
      ...serverName('Ledger.Bank.Example'),
      ...alpn('h2', 'http/1.1'),
      ...versions(0x0a0a, 0x0303, 0x0304),
    ]),
    {
      kind: 'hello',
      hello: {
        serverName: 'ledger.bank.example',
        alpn: ['h2', 'http/1.1'],
        versions: ['TLSv1.3', 'TLSv1.2'],
        ecdsa: false,
        offer: expect.anything(),
      },
    },
  ],
  [
    'no extensions at all',
    hello(null, 0x0302),
    {
      kind: 'hello',
      hello: {
        serverName: null,
        alpn: [],
        versions: ['TLSv1.1', 'TLSv1'],
        ecdsa: false,
        offer: expect.anything(),
      },
    },
  ],
  [
    'an empty list of extensions',
    hello([]),
    {
      kind: 'hello',
      hello: {
        serverName: null,
        alpn: [],
        versions: ['TLSv1.2', 'TLSv1.1', 'TLSv1'],
        ecdsa: false,
        offer: expect.anything(),
      },
    },
  ],
  [
    'the message is spread over records',
    records(message(body([...serverName('a.example'), ...versions(...all)])), 7),
    {
      kind: 'hello',
      hello: {
        serverName: 'a.example',
        alpn: [],
        versions: ['TLSv1.3', 'TLSv1.2'],
        ecdsa: false,
        offer: expect.anything(),
      },
    },
  ],
  [
    'more follows in the same record',
    records([...message(body(serverName('b.example'))), 1, 2, 3]),
    {
      kind: 'hello',
      hello: {
        serverName: 'b.example',
        alpn: [],
        versions: ['TLSv1.2', 'TLSv1.1', 'TLSv1'],
        ecdsa: false,
        offer: expect.anything(),
      },
    },
  ],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), { kind: 'none' }],
  ['the old SSL 2 hello', Uint8Array.of(0x80, 0x2e, 1, 3, 1, 0), { kind: 'none' }],
  ['an alert', Uint8Array.of(21, 3, 3, 0, 2, 1, 0), { kind: 'none' }],
  ['a first byte that only looks like it', Uint8Array.of(22, 9), { kind: 'none' }],
  ['a record of no bytes', Uint8Array.of(22, 3, 1, 0, 0), { kind: 'none' }],
  ['a record over the size of records', Uint8Array.of(22, 3, 1, 0x40, 1), { kind: 'none' }],
  ['another message', records([2, 0, 0, 1, 0]), 'first message is 2'],
  [
    'another record inside of it',
    Uint8Array.of(22, 3, 1, 0, 1, 1, 23, 3, 3, 0, 1, 0),
    'record of type 23 inside',
  ],
  ['a message over the bound', records([1, 0, 0x40, 0, 0]), `at most ${tlsSniffLimits.helloBytesMax}`],
  [
    'more records than the bound',
    records(message(body(serverName('x'.repeat(90)))), 1),
    'more than 64 records',
  ],
  ['a body that ends early', records(message([3, 3, 1])), 'ends early'],
  ['extensions that do not end with it', records(message([...body([]), 0])), 'do not end with it'],
  ['an extension that does not fit', hello([0, 0, 0, 9]), 'does not fit into it'],
  ['an extension twice', hello([...serverName('a'), ...serverName('b')]), 'extension 0 twice'],
  ['two names', hello(serverName('a', 'b')), 'two server names'],
  ['an empty name', hello(serverName('')), 'no host name'],
  ['a name with a zero byte', hello(serverName('bank.example\0.evil.example')), 'no host name'],
  ['a name over its bound', hello(serverName('n'.repeat(256))), 'no host name'],
  ['an empty protocol', hello(alpn('')), 'ALPN name'],
  ['too many protocols', hello(alpn(...new Array<string>(33).fill('h2'))), 'more than 32 ALPN names'],
  ['half a version', hello(extension(43, [1, 3])), 'versions extension'],
  [
    'half a hello',
    hello(serverName('a.example')).subarray(0, 40),
    { kind: 'more', needed: hello(serverName('a.example')).length },
  ],
];

describe('ClientHello', () => {
  for (const [name, bytes, expected] of cases) {
    test(name, () => {
      const whole = parseClientHello(bytes);
      if (typeof expected === 'string') {
        expect(whole.kind).toBe('fault');
        expect(whole.kind === 'fault' && whole.message).toContain(expected);
        expect(feedByByte(bytes).kind).toBe('fault');
      } else {
        expect(whole).toEqual(expected);
        expect(feedByByte(bytes)).toEqual(whole);
      }
    });
  }

  test('no bytes are a reason to wait, and any bytes have a verdict within the bound', () => {
    expect(parseClientHello(new Uint8Array(0)).kind).toBe('more');
    const whole = [...hello([...serverName('a.example'), ...alpn('h2'), ...versions(...all)])];
    const damaged = fc
      .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 })
      .map((edits) => {
        const copy = Uint8Array.from(whole);
        for (const [at, byte] of edits) copy[at] = byte;
        return copy;
      });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        const result = parseClientHello(bytes);
        const again = feedByByte(bytes);
        expect(again.kind).toBe(result.kind);
        if (result.kind === 'more')
          expect(result.needed).toBeLessThanOrEqual(bytes.length + tlsSniffLimits.helloBytesMax);
      }),
      { numRuns: 500 },
    );
  });
});
