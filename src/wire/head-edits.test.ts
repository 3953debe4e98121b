import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Head, headerId, headerNames } from './head.ts';
import { ReceivedRequestHead } from './http1/head.ts';
import { Http2Head } from './http2/head.ts';
import { createField } from './http2/hpack/field.ts';
import { defaultHttp2Limits } from './http2/index.ts';
import { createTrailers } from './made-head.ts';

type Step = readonly ['receive' | 'add' | 'set' | 'remove' | 'remove-name', name: string, value: string];
type Lines = readonly (readonly [name: string, value: string])[];

const framing = headerId.upgrade;
const known = headerNames.filter((_, id) => id > framing);

/** What a list of lines is after a step. */
function plainly(lines: Lines, [kind, name, value]: Step): Lines {
  if (kind === 'receive' || kind === 'add') return [...lines, [name, value]];
  const others = lines.filter(([other]) => other !== name);
  return kind === 'set' ? [...others, [name, value]] : others;
}

function apply(head: Head, [kind, name, value]: Step): void {
  const id = headerNames.indexOf(name as never);
  if (kind === 'receive' && head instanceof Http2Head) head.onField(createField(name, value));
  else if (kind === 'receive' || kind === 'add') head.add(name, value);
  else if (kind === 'set') head.set(id, value);
  else if (kind === 'remove') head.remove(id);
  else head.removeName(name);
}

function linesOf(head: Head): Lines {
  const lines: [string, string][] = [];
  for (let index = 0; index < head.count; index++)
    if (!head.isRemoved(index)) lines.push([head.nameAt(index), head.valueAt(index)]);
  return lines;
}

const name = fc.oneof(fc.constantFrom(...known.slice(0, 4)), fc.constantFrom(...known));
const value = fc.constantFrom('', 'a', 'b');
const other = fc.constantFrom('x-other', 'cookie', 'x-third');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constantFrom('receive', 'add', 'set', 'remove', 'remove-name'), name, value),
  fc.tuple(fc.constantFrom('receive', 'add', 'remove-name'), other, value),
);

const heads: Readonly<Record<string, () => Head>> = {
  'HTTP/1.1': () => new ReceivedRequestHead(),
  'HTTP/2': () => new Http2Head('request', { ...defaultHttp2Limits, headerCountMax: 100 }),
  'of ours': () => createTrailers([]),
};

for (const [kind, create] of Object.entries(heads))
  test(`a head ${kind} is after any edits what a list of lines would be`, () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const head = create();
        let lines: Lines = [];
        for (const one of steps) {
          apply(head, one);
          lines = plainly(lines, one);
          expect(linesOf(head)).toEqual(lines);
        }
        for (const [id, known] of headerNames.entries()) {
          const first = lines.find(([name]) => name === known);
          expect([known, head.get(id), head.find(id) >= 0]).toEqual([
            known,
            first?.[1] ?? null,
            first !== undefined,
          ]);
          expect(head.findName(known)).toBe(head.find(id));
        }
      }),
    );
  });
