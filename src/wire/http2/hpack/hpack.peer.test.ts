// HPACK against Python's `hpack`, both ways, over random lists of lines and tables of several sizes: each reads what
// the other wrote, one block after the other with one table.

import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { describeWith, run } from '../../../testing/programs.ts';
import { OutBuffer } from '../out-buffer.ts';
import { HpackDecoder } from './decoder.ts';
import { HpackEncoder } from './encoder.ts';

type Lines = readonly (readonly [name: string, value: string])[];

interface Case {
  readonly tableBytes: number;
  readonly lists: readonly Lines[];
  /** As we wrote them, in hexadecimal. */
  readonly blocks: readonly string[];
}

/** What it read of ours, and what it writes for the same. */
interface Answer {
  readonly read: readonly Lines[];
  readonly blocks: readonly string[];
}

const peerText = `
import json, sys
from hpack import Decoder, Encoder
answers = []
for case in json.load(sys.stdin):
    decoder, encoder = Decoder(), Encoder()
    decoder.max_allowed_table_size = encoder.header_table_size = case['tableBytes']
    read = [[[name.decode('latin1'), value.decode('latin1')] for name, value in decoder.decode(bytes.fromhex(block), raw=True)] for block in case['blocks']]
    blocks = [encoder.encode([(name.encode('latin1'), value.encode('latin1')) for name, value in lines], huffman=index % 3 > 0).hex() for index, lines in enumerate(case['lists'])]
    answers.append({'read': read, 'blocks': blocks})
json.dump(answers, sys.stdout)
`;

const name = fc.oneof(
  fc.constantFrom(
    ':path',
    ':authority',
    'cookie',
    'content-type',
    'authorization',
    'grpc-status',
    'x-a',
    'x-b',
  ),
  fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/),
);
const value = fc.oneof(
  fc.constantFrom('', '/', 'application/grpc', 'a'.repeat(200)),
  fc.stringMatching(/^[!-~\u0080-\u00ff]([ -~\u0080-\u00ff]{0,60}[!-~\u0080-\u00ff])?$/),
);
const lists = fc.array(fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 12 }), {
  minLength: 1,
  maxLength: 8,
});

function encodeAll(tableBytes: number, all: readonly Lines[]): readonly string[] {
  const encoder = new HpackEncoder();
  encoder.setTableBytesMax(tableBytes);
  return all.map((lines) => {
    const out = new OutBuffer();
    encoder.begin(out);
    for (const [name, value] of lines) encoder.line(out, name, value);
    const hex = Buffer.from(out.bytes.subarray(0, out.length)).toString('hex');
    out.release();
    return hex;
  });
}

function decodeAll(tableBytes: number, blocks: readonly string[]): readonly Lines[] {
  const decoder = new HpackDecoder(tableBytes);
  return blocks.map((block) => {
    const bytes = Buffer.from(block, 'hex');
    const lines: [string, string][] = [];
    const ok = decoder.decode(bytes, 0, bytes.length, {
      onField: (field) => lines.push([field.name, field.value]),
    });
    expect(ok).toBe(true);
    return lines;
  });
}

const hasHpack = Bun.spawnSync(['python3', '-c', 'import hpack']).exitCode === 0;

describeWith(hasHpack ? ['python3'] : ['hpack of Python'], 'HPACK of Python', () => {
  test('each reads what the other wrote', async () => {
    const cases: readonly Case[] = fc
      .sample(fc.record({ tableBytes: fc.constantFrom(0, 100, 1000, 4096), lists }), {
        numRuns: 400,
        seed: 7541,
      })
      .map((one) => ({ ...one, blocks: encodeAll(one.tableBytes, one.lists) }));
    const { out, err } = await run(['python3', '-c', peerText], JSON.stringify(cases));
    expect(err).toBe('');
    const answers = JSON.parse(out) as readonly Answer[];
    for (const [index, { tableBytes, lists: all }] of cases.entries()) {
      const { read, blocks } = answers[index]!;
      expect(read).toEqual(all as never);
      expect(decodeAll(Math.max(tableBytes, 4096), blocks)).toEqual(all);
    }
  }, 60_000);
});
