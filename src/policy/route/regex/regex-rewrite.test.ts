import { expect, setDefaultTimeout, test } from 'bun:test';
import fc from 'fast-check';
import { effortTimeoutMs, runs } from '../../../testing/effort.ts';
import { policyLimits } from '../../limits.ts';
import { compileRewrite, type RegexRewrite } from './regex-rewrite.ts';

setDefaultTimeout(effortTimeoutMs);

function compiled(pattern: string, substitution: string): RegexRewrite {
  const rewrite = compileRewrite(pattern, substitution);
  if (!rewrite.ok) throw new Error(`${pattern}: ${rewrite.error.rule}`);
  return rewrite.value;
}

// Some of them are RE2's own (re2/testing/re2_test.cc, ReplaceTests).
test.each([
  ['(qu|[b-df-hj-np-tv-z]*)([a-z]+)', '\\2\\1ay', 'the quick brown fox', 'ethay ickquay ownbray oxfay'],
  ['\\w+', '\\0-NOSPAM', 'abcd.efghi@google.com', 'abcd-NOSPAM.efghi-NOSPAM@google-NOSPAM.com-NOSPAM'],
  ['^', '(START)', 'foo', '(START)foo'],
  ['^', '(START)', '', '(START)'],
  ['$', '(END)', '', '(END)'],
  ['b', 'bb', 'ababababab', 'abbabbabbabbabb'],
  ['b+', 'bb', 'bbbbb', 'bb'],
  ['b*', 'bb', 'bbbbb', 'bb'],
  ['b*', 'bb', 'aaaaa', 'bbabbabbabbabbabb'],
  ['a.*a', '(\\0)', 'aba\naba', '(aba)\n(aba)'],
  ['', 'x', 'ab', 'xaxbx'],
  ['^/v1/(.*)$', '/\\1/v1', '/v1/a/b', '/a/b/v1'],
  ['^/([^/]+)/([^/]+)', '/\\2/\\1', '/a/b/c', '/b/a/c'],
  ['a+?', 'x', 'aaa', 'xxx'],
  ['(a+?)(a*)', '[\\1,\\2]', 'aaa', '[a,aa]'],
  ['(a|ab)(c|bcd)?', '[\\1,\\2]', 'abcd', '[a,bcd]'],
  ['(a)|b', '<\\1>', 'ab', '<a><>'],
  ['(?i)FOO', '\\\\', '/foo', '/\\'],
  ['(?:a|(b))+', '<\\1>', 'bab', '<b>'],
  ['(?:(a)|b)*', '<\\1>', 'ab', '<a>'],
  ['(a*)*', '<\\1>', 'b', '<>b<>'],
  ['(a*)+', '<\\1>', 'aab', '<aa>b<>'],
  ['(a|b)*?c', '<\\1>', 'abc', '<b>'],
  ['x{2,}?', '-', 'xxxxx', '--x'],
  ['^a', 'x', 'aaa', 'xaa'],
  ['a$', 'x', 'aaa', 'aax'],
  ['/b$', '', '/a/b', '/a'],
  ['none', 'x', '/a', '/a'],
])('/%s/ by %s in %s is %s', (pattern, substitution, text, expected) => {
  expect(compiled(pattern, substitution).replaceAll(text)).toBe(expected);
});

test.each([
  ['(', 'x', 'pattern', 'must be a regular expression of RE2: missing )'],
  ['(a{100}){6}', 'x', 'pattern', 'must compile to at most 512 states'],
  ['a', '\\1', 'substitution', 'must not refer to a group beyond the pattern’s 0'],
  ['(a)', '\\2', 'substitution', 'must not refer to a group beyond the pattern’s 1'],
  ['(?:a)', '\\1', 'substitution', 'must not refer to a group beyond the pattern’s 0'],
  ['a', '\\x', 'substitution', 'may have a backslash before a digit or a backslash only'],
  ['a', 'x\\', 'substitution', 'may have a backslash before a digit or a backslash only'],
  ['a', 'x'.repeat(1025), 'substitution', 'must have at most 1024 characters'],
])('/%s/ by %s is refused', (pattern, substitution, at, rule) => {
  expect(compileRewrite(pattern, substitution)).toEqual({ ok: false, error: { at, rule } } as never);
});

test('agrees with the runtime on random patterns and texts, groups too', () => {
  // Without repetitions of what may match nothing: there the runtime, other than RE2, forgets and goes around again.
  const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', 'ab', '(a)', '(b|ab)');
  const times = fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,3}', '*?', '+?', '??');
  const item = fc.tuple(atom, times).map(([one, many]) => `(?:${one})${many}`);
  const sequence = fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => items.join(''));
  const pattern = fc
    .array(fc.tuple(sequence, fc.boolean()), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.map(([one, kept]) => (kept ? `(${one})` : one)).join('|'));
  fc.assert(
    fc.property(pattern, fc.array(fc.stringMatching(/^[ab/]{0,10}$/), { maxLength: 6 }), (source, texts) => {
      const groups = new RegExp(`${source}|`).exec('')!.length - 1;
      const numbers = Array.from({ length: Math.min(groups, 9) }, (_, at) => at + 1);
      const own = compiled(source, `<${numbers.map((one) => `\\${one}`).join()}>`);
      for (const text of texts) {
        const expected = replacedByRuntime(source, text, numbers);
        expect([source, text, own.replaceAll(text)]).toEqual([source, text, expected]);
      }
    }),
    { numRuns: runs(1000), seed: 1 },
  );
});

/** RE2 does not replace nothing directly behind a match, the runtime does. */
function replacedByRuntime(source: string, text: string, numbers: readonly number[]): string {
  let lastEnd = -1;
  return text.replace(new RegExp(source, 'g'), (whole: string, ...rest: unknown[]) => {
    const at = rest.find((one) => typeof one === 'number') as number;
    if (whole === '' && at === lastEnd) return '';
    lastEnd = at + whole.length;
    return `<${numbers.map((one) => rest[one - 1] ?? '').join()}>`;
  });
}

test('time grows with the text alone, where searching again and again is quadratic', () => {
  const text = 'a'.repeat(60_000);
  expect(compiled('a.*b|(a)', '\\1').replaceAll(text)).toBe(text);
  expect(compiled('(a|a)*(a|aa)*(a*)*b', 'x').replaceAll(text)).toBe(text);
});

test('what is made is bounded, also where a pattern has exponentially many states', () => {
  const long = compiled('', 'x'.repeat(1000)).replaceAll('a'.repeat(60_000));
  expect(long.length).toBeLessThan(policyLimits.rewrittenCharsMax + 60_000 + 2000);
  let text = '';
  for (let index = 0; index < 3000; index++) text += (index * index) % 7 < 3 ? 'a' : 'b';
  const expected = text.replace(/a.{12}b/g, '-');
  expect(compiled('a.{12}b', '-').replaceAll(text)).toBe(expected);
});

test('code units above a byte match nothing', () => {
  expect(compiled('.', 'x').replaceAll('a\u0100\u0161')).toBe('x\u0100\u0161');
});
