import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { OutBuffer } from '../out-buffer.ts';
import { HpackDecoder } from './decoder.ts';
import { HpackEncoder } from './encoder.ts';
import { type Field, fieldFault } from './field.ts';
import { decodeHuffman, encodeHuffman, huffmanInvalid, huffmanLength, measureHuffman } from './huffman.ts';
import { findStatic, staticTable } from './static-table.ts';

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.replaceAll(' ', '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

/** Fields of a block as "name: value"; null when the block cannot be decoded. */
function decode(decoder: HpackDecoder, bytes: Uint8Array): string[] | null {
  const lines: string[] = [];
  const ok = decoder.decode(bytes, 0, bytes.length, {
    onField: (field) =>
      lines.push(`${field.name}: ${field.fault === fieldFault.none ? field.value : 'FAULT'}`),
  });
  return ok ? lines : null;
}

const date21 = 'date: Mon, 21 Oct 2013 20:13:21 GMT';
const date22 = 'date: Mon, 21 Oct 2013 20:13:22 GMT';
const place = 'location: https://www.example.com';
const cookie = 'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';
const get = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'];
const custom = 'custom-key: custom-value';
const third = [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com', custom];
const requests = [get, [...get, 'cache-control: no-cache'], third];
const responses = [
  [':status: 302', 'cache-control: private', date21, place],
  [':status: 307', 'cache-control: private', date21, place],
  [':status: 200', 'cache-control: private', date22, place, 'content-encoding: gzip', cookie],
];

/** RFC 7541 appendix C: each a connection of several messages. */
const examples: readonly (readonly [
  name: string,
  tableBytes: number,
  blocks: string[],
  messages: string[][],
])[] = [
  [
    'C.2.1 literal with indexing',
    4096,
    ['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572'],
    [['custom-key: custom-header']],
  ],
  ['C.2.2 literal without indexing', 4096, ['040c 2f73 616d 706c 652f 7061 7468'], [[':path: /sample/path']]],
  [
    'C.2.3 literal never indexed',
    4096,
    ['1008 7061 7373 776f 7264 0673 6563 7265 74'],
    [['password: secret']],
  ],
  ['C.2.4 indexed', 4096, ['82'], [[':method: GET']]],
  [
    'C.3 requests',
    4096,
    [
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
    requests,
  ],
  [
    'C.4 requests, Huffman',
    4096,
    [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
    requests,
  ],
  [
    'C.5 responses in a table of 256 bytes',
    256,
    [
      '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '4803 3330 37c1 c0bf',
      '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
    ],
    responses,
  ],
  [
    'C.6 responses, Huffman, in a table of 256 bytes',
    256,
    [
      '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
      '4883 640e ffc1 c0bf',
      '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
    ],
    responses,
  ],
];

describe('RFC 7541 appendix C', () => {
  for (const [name, tableBytes, blocks, messages] of examples) {
    test(name, () => {
      const decoder = new HpackDecoder(tableBytes);
      expect(blocks.map((block) => decode(decoder, bytesOf(block)))).toEqual(messages);
    });
  }

  const words: readonly (readonly [text: string, code: string])[] = [
    ['www.example.com', 'f1e3 c2e5 f23a 6ba0 ab90 f4ff'],
    ['no-cache', 'a8eb 1064 9cbf'],
    ['custom-key', '25a8 49e9 5ba9 7d7f'],
    ['Mon, 21 Oct 2013 20:13:21 GMT', 'd07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff'],
  ];
  for (const [text, code] of words) {
    test(`Huffman code of "${text}"`, () => {
      const bytes = new Uint8Array(huffmanLength(text));
      encodeHuffman(text, bytes, 0);
      expect(latin1(bytes)).toBe(latin1(bytesOf(code)));
      expect(measureHuffman(bytes, 0, bytes.length)).toBe(text.length);
      expect(decodeHuffman(latin1(bytes))).toBe(text);
    });
  }

  test('the static table has its 61 lines', () => {
    expect(staticTable.length).toBe(62);
    expect(staticTable[16]!.name).toBe('accept-encoding');
    expect(findStatic(':status', '404')!.staticIndex).toBe(13);
    expect(staticTable[61]!.name).toBe('www-authenticate');
  });
});

describe('the code', () => {
  const bad: readonly (readonly [name: string, hex: string])[] = [
    ['padding of more than seven bits', 'ffff'],
    ['padding with zeros', '00'],
    ['the end-of-string symbol', 'ffff ffff fc'],
  ];
  for (const [name, hex] of bad) {
    test(`refuses ${name}`, () => {
      const bytes = bytesOf(hex);
      expect(measureHuffman(bytes, 0, bytes.length)).toBe(huffmanInvalid);
    });
  }

  test('any text survives', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = latin1(bytes);
        const code = new Uint8Array(huffmanLength(text));
        encodeHuffman(text, code, 0);
        expect(decodeHuffman(latin1(code))).toBe(text);
        expect(measureHuffman(code, 0, code.length)).not.toBe(huffmanInvalid);
      }),
    );
  });
});

describe('blocks that end the connection', () => {
  const blocks: readonly (readonly [name: string, hex: string])[] = [
    ['index 0', '80'],
    ['an index beyond the table', 'be'],
    ['a name beyond the table', '7f80 0141 61'],
    ['a size update above what was announced', '3fe2 1f'],
    ['a size update behind a field', '8220'],
    ['three size updates', '2020 20'],
    ['an integer that never ends', 'ffff ffff ffff ffff ff'],
    ['an integer beyond 2^28', '7fff ffff ff7f'],
    ['a cut integer', 'ff'],
    ['a cut name', '400a 6375'],
    ['a missing value', '4001 61'],
    ['a value longer than its block', '4001 61 05 62'],
    ['a wrong padding in a value', '4001 61 82 ffff'],
  ];
  for (const [name, hex] of blocks) {
    test(name, () => {
      expect(decode(new HpackDecoder(4096), bytesOf(hex))).toBeNull();
    });
  }
});

describe('lines that are not allowed', () => {
  const lines: readonly (readonly [name: string, hex: string, fault: number])[] = [
    ['a capital in a name', '4001 41 01 62', fieldFault.name],
    ['an empty name', '4000 0162', fieldFault.name],
    ['a space in a name', '4002 6120 0162', fieldFault.name],
    ['a line feed in a value', '4001 61 02 620a', fieldFault.value],
    ['NUL in a value', '0001 61 01 00', fieldFault.value],
    ['a space before a value', '0001 61 02 2062', fieldFault.value],
    ['a space behind a value', '0001 61 02 6220', fieldFault.value],
    ['a space before a value, Huffman', '0001 61 82 50 ff', fieldFault.value],
    ['a carriage return, Huffman', '0001 61 84 ffff fffb', fieldFault.value],
  ];
  for (const [name, hex, fault] of lines) {
    test(name, () => {
      const faults: number[] = [];
      const bytes = bytesOf(hex);
      const ok = new HpackDecoder(4096).decode(bytes, 0, bytes.length, {
        onField: (field) => faults.push(field.fault),
      });
      expect([ok, faults]).toEqual([true, [fault]]);
    });
  }
});

/** Encodes lists one after another and decodes them with one table; returns the decoded lists and the bytes of each. */
function roundTrip(lists: readonly (readonly (readonly [string, string])[])[], tableBytes = 4096) {
  const encoder = new HpackEncoder();
  encoder.setTableBytesMax(tableBytes);
  const decoder = new HpackDecoder(4096);
  return lists.map((list) => {
    const out = new OutBuffer();
    encoder.begin(out);
    for (const [name, value] of list) encoder.line(out, name, value);
    const bytes = out.bytes.slice(0, out.length);
    out.release();
    return { lines: decode(decoder, bytes), bytes: bytes.length };
  });
}

describe('the encoder', () => {
  const name = fc
    .stringMatching(/^[a-z][a-z0-9-]{0,20}$/)
    .filter((text) => !/^(host|te|connection)$/.test(text));
  const value = fc.stringMatching(/^[!-~]{0,40}$/);
  const list = fc.array(fc.tuple(name, value), { maxLength: 12 });

  test('what it writes is read as it was, with tables of any size', () => {
    fc.assert(
      fc.property(
        fc.array(list, { maxLength: 8 }),
        fc.integer({ min: 0, max: 5000 }),
        (lists, tableBytes) => {
          const read = roundTrip(lists, tableBytes).map(({ lines }) => lines);
          expect(read).toEqual(lists.map((lines) => lines.map(([key, text]) => `${key}: ${text}`)));
        },
      ),
    );
  });

  test('a line that comes again costs one byte', () => {
    const message = [
      [':method', 'GET'],
      ['x-team', 'payments'],
      ['user-agent', 'agent/1.0'],
    ] as const;
    const sizes = roundTrip([message, message, message, message]).map(({ bytes }) => bytes);
    expect(sizes.at(-1)).toBe(3);
  });

  test('lines that differ each time push nothing out of the table', () => {
    const lists = Array.from({ length: 400 }, (_, index) => [
      ['x-constant', 'c'] as const,
      ['x-request-id', `${index}-${'0123456789abcdef'.repeat(4)}`] as const,
    ]);
    const read = roundTrip(lists);
    expect(read.every(({ lines }, index) => lines![1] === `x-request-id: ${lists[index]![1]![1]}`)).toBe(
      true,
    );
    // One byte for the constant line, the name by its place, and the value as it is.
    expect(read.at(-1)!.bytes).toBeLessThan(1 + 3 + 80);
  });

  test('authorization is never put into a table', () => {
    const out = new OutBuffer();
    new HpackEncoder().line(out, 'authorization', 'Bearer secret');
    expect(out.bytes[0]! & 0xf0).toBe(0x10);
  });

  test('a line that was never to be indexed stays so', () => {
    const fields: Field[] = [];
    const bytes = bytesOf('1008 7061 7373 776f 7264 0673 6563 7265 74');
    new HpackDecoder(4096).decode(bytes, 0, bytes.length, { onField: (field) => fields.push(field) });
    const out = new OutBuffer();
    new HpackEncoder().field(out, fields[0]!);
    expect(out.bytes[0]).toBe(0x10);
  });

  test('a value stays Huffman code on its way through', () => {
    const fields: Field[] = [];
    // A literal without indexing: x-a with the code of no-cache.
    const bytes = bytesOf('0003 782d 6186 a8eb 1064 9cbf');
    new HpackDecoder(4096).decode(bytes, 0, bytes.length, { onField: (field) => fields.push(field) });
    expect(fields[0]!.huffman).toBe(true);
    const out = new OutBuffer();
    new HpackEncoder().field(out, fields[0]!);
    expect(latin1(out.bytes.slice(0, out.length))).toContain(latin1(bytesOf('86 a8eb 1064 9cbf')));
  });
});

describe('one object a line', () => {
  test('equal lines of different connections are one', () => {
    const block = bytesOf('400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65');
    const fields: Field[] = [];
    for (let connection = 0; connection < 2; connection++) {
      new HpackDecoder(4096).decode(block, 0, block.length, { onField: (field) => fields.push(field) });
    }
    expect(fields[0]).toBe(fields[1]!);
  });

  test('an entry of the table is the same object for every message that refers to it', () => {
    const decoder = new HpackDecoder(4096);
    const fields: Field[] = [];
    const sink = { onField: (field: Field) => fields.push(field) };
    const first = bytesOf('5886 a8eb 1064 9cbf');
    decoder.decode(first, 0, first.length, sink);
    decoder.decode(bytesOf('be'), 0, 1, sink);
    expect(fields[0]).toBe(fields[1]!);
    expect(fields[1]!.value).toBe('no-cache');
  });
});
