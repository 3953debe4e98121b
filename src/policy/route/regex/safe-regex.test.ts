import { expect, setDefaultTimeout, test } from 'bun:test';
import fc from 'fast-check';
import { effortTimeoutMs, runs } from '../../../testing/effort.ts';
import { policyLimits } from '../../limits.ts';
import { compileRegex, type SafeRegex } from './safe-regex.ts';

setDefaultTimeout(effortTimeoutMs);

function compiled(pattern: string): SafeRegex {
  const regex = compileRegex(pattern);
  if (!regex.ok) throw new Error(`${pattern}: ${regex.error}`);
  return regex.value;
}

function matches(pattern: string, text: string): boolean {
  return compiled(pattern).matches(text, 0, text.length);
}

const cases: readonly (readonly [pattern: string, yes: readonly string[], no: readonly string[]])[] = [
  ['', [''], ['a']],
  ['/a.c', ['/abc', '/a/c'], ['/ac', 'x/abc', '/abcd', '/a\nc']],
  ['a|bc|', ['a', 'bc', ''], ['b', 'abc']],
  ['(a|b)*c', ['c', 'abbac'], ['ab', 'cc']],
  ['(?:ab)+', ['ab', 'abab'], ['', 'aba']],
  ['(?P<id>\\d+)/(?<rest>.*)', ['12/x', '1/'], ['/x']],
  ['a{2}', ['aa'], ['a', 'aaa']],
  ['a{2,}', ['aa', 'aaaaa'], ['a']],
  ['a{1,3}?b', ['ab', 'aaab'], ['b', 'aaaab']],
  ['a{0}b', ['b'], ['ab']],
  ['a{,3}', ['a{,3}'], ['aaa']],
  ['[a-c]x[^0-9/]', ['axq', 'cx-'], ['dxq', 'ax1', 'ax/']],
  ['[]a-]+', [']a-'], ['b']],
  ['[^]a]', ['b'], [']', 'a']],
  ['[\\d\\-x]+', ['1-x'], ['y']],
  ['[[:alpha:]_]+[[:^digit:]]', ['ab_-'], ['ab1']],
  ['\\s\\S\\w\\W\\d\\D', [' xa-1b'], [' xa-1']],
  ['\\x2f\\x{61}\\t', ['/a\t'], ['/b\t']],
  ['\\Qa.b*\\E+', ['a.b*'], ['axb*']],
  ['\\.\\*\\/', ['.*/'], ['a*/']],
  ['^/a$', ['/a'], ['/a/', 'x/a']],
  ['(^a|b$)c?', ['a', 'ac', 'b'], ['bc']],
  ['a^b|a$b', [], ['ab', 'a^b']],
  ['\\A/x\\z', ['/x'], ['/xy']],
  ['$^', [''], ['a']],
  ['(?i)/Foo[x-z]', ['/foox', '/FOOZ'], ['/fooa']],
  ['/a(?i)b(?-i)c', ['/abc', '/aBc'], ['/Abc', '/abC']],
  ['(?i:a)b', ['ab', 'Ab'], ['aB']],
  ['(?s).', ['\n', 'a'], ['']],
  ['caf\u00e9+', ['caf\u00c3\u00a9'], ['caf\u00e9']],
  ['(a*)*', ['', 'aaaa'], ['b']],
];

for (const [pattern, yes, no] of cases) {
  test(`/${pattern}/`, () => {
    for (const text of yes) expect([text, matches(pattern, text)]).toEqual([text, true]);
    for (const text of no) expect([text, matches(pattern, text)]).toEqual([text, false]);
  });
}

const refused: readonly (readonly [pattern: string, why: string])[] = [
  ['(a)\\1', 'back-references'],
  ['(?P<x>a)\\k<x>', 'back-references'],
  ['a(?=b)', 'look-around'],
  ['a(?!b)', 'look-around'],
  ['(?<=a)b', 'look-around'],
  ['(?<!a)b', 'look-around'],
  ['(?>a)', 'unknown group'],
  ['(a', 'missing )'],
  ['a)', 'unmatched )'],
  ['[a', 'missing ]'],
  ['[a-', 'missing ]'],
  ['[z-a]', 'runs backwards'],
  ['a{3,2}', 'runs backwards'],
  ['*a', 'nothing to repeat'],
  ['a|*', 'nothing to repeat'],
  ['a**', 'repetition of a repetition'],
  ['a{1001}', 'repeat count'],
  ['a\\', 'trailing backslash'],
  ['\\bx', 'not supported'],
  ['\\pL', 'not supported'],
  ['\\07', 'not supported'],
  ['[[:foo:]]', 'unknown class'],
  ['\\xff', 'outside of ASCII'],
  ['\\xq', 'outside of ASCII'],
  ['[\u00e9]', 'outside of ASCII'],
  ['('.repeat(300), 'nested deeper'],
  ['a'.repeat(policyLimits.regexCharsMax + 1), 'at most 1024 characters'],
  ['((a{100}){100}){100}', 'states'],
];

for (const [pattern, why] of refused) {
  test(`refused: ${pattern.slice(0, 30)}`, () => {
    const regex = compileRegex(pattern);
    expect(regex.ok).toBe(false);
    if (!regex.ok) expect(regex.error).toContain(why);
  });
}

test('agrees with the runtime on random patterns and texts', () => {
  const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\w', '/');
  const pattern = fc.letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      atom,
      fc.tuple(tie('node'), tie('node')).map(([left, right]) => left + right),
      fc.tuple(tie('node'), tie('node')).map(([left, right]) => `(${left}|${right})`),
      fc
        .tuple(tie('node'), fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '{0,1}'))
        .map(([node, times]) => `(?:${node})${times}`),
      tie('node').map((node) => `(^${node}|${node}$)`),
    ),
  })).node;
  fc.assert(
    fc.property(pattern, fc.array(fc.stringMatching(/^[ab/c]{0,8}$/), { maxLength: 8 }), (source, texts) => {
      const own = compiled(source);
      const runtime = new RegExp(`^(?:${source})$`);
      for (const text of texts)
        expect([source, text, own.matches(text, 0, text.length)]).toEqual([source, text, runtime.test(text)]);
    }),
    { numRuns: runs(500), seed: 1 },
  );
});

test('never throws, whatever the pattern', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'ab()[]{}*+?|\\^$.-:,0123?P<>=!Qdx'), maxLength: 20 }),
      (source) => {
        const regex = compileRegex(source);
        if (regex.ok) regex.value.matches('ab01', 0, 4);
        else expect(regex.error.length).toBeGreaterThan(0);
      },
    ),
    { numRuns: runs(2000), seed: 1 },
  );
});

test('a pattern that makes backtracking explode is one table read a byte here', () => {
  const regex = compiled('(a|a)*(a|aa)*(a*)*b');
  const text = 'a'.repeat(50_000);
  expect(regex.matches(text, 0, text.length)).toBe(false);
  expect(regex.matches(`${text}b`, 0, text.length + 1)).toBe(true);
  expect(regex.stateCount).toBeLessThan(10);
});

test('the table of states is bounded, also for a pattern that has exponentially many', () => {
  const regex = compiled('.*a.{12}');
  let text = '';
  for (let index = 0; index < 3000; index++) text += (index * index) % 7 < 3 ? 'a' : 'b';
  for (let end = 13; end < text.length; end += 97) {
    expect(regex.matches(text, 0, end)).toBe(text[end - 13] === 'a');
    expect(regex.stateCount).toBeLessThanOrEqual(policyLimits.regexCacheStatesMax);
  }
});

test('code units above a byte match nothing', () => {
  expect(matches('.*', '\u0100')).toBe(false);
});
