import { expect, test } from 'bun:test';
import { wrapProse } from '../documents/prose.ts';
import { checkProse, commentRule, proseColumnsMax } from './prose.ts';

const source = (text: string) => ({ path: 'docs/a.md', text, lines: text.split('\n') });
const long = 'word '.repeat(40).trim();

test.each<[name: string, text: string, rules: string[]]>([
  ['prose that is too wide', long, ['prose']],
  ['a list item that is too wide', `- ${long}`, ['prose']],
  ['prose that fits', 'x'.repeat(proseColumnsMax), []],
  ['code', `\`\`\`sh\n${long}\n\`\`\``, []],
  ['an image', `![${long}](a.png)`, []],
  ['a wide table', `| ${long} | b |`, []],
  ['a padded cell', '| a   | b |', ['table']],
  ['a padded rule', '| ----- | --- |', ['table']],
  ['spaces in code in a cell', '| `a   | ` b | c |', []],
])('%s', (_, text, rules) => {
  expect(checkProse(source(text)).map(({ rule }) => rule)).toEqual(rules);
});

test('comments have a width, code has the formatter’s', () => {
  const wide = 'x'.repeat(proseColumnsMax);
  expect(commentRule.check(source(`  // ${wide}\n  * ${wide}\n  const a = '${wide}';`))).toHaveLength(2);
});

test('what is made is wrapped, a list item under its text', () => {
  for (const text of [long, `- ${long}`]) {
    const lines = wrapProse(text).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(proseColumnsMax);
    expect(lines.join(' ').replaceAll(/ +/g, ' ')).toBe(text);
    if (text.startsWith('-')) expect(lines[1]).toStartWith('  word');
  }
  for (const text of [`| ${long} |`, `\`\`\`\n${long}\n\`\`\``]) expect(wrapProse(text)).toBe(text);
});
