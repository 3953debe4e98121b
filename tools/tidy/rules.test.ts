import { describe, expect, test } from 'bun:test';
import { checkDecisionIndex, checkLinks } from './docs.ts';
import { fileLinesMax, functionLinesMax, rules } from './rules.ts';
import { createSource } from './source.ts';

/** One text that breaks the rule and one that keeps it. */
const cases: readonly { rule: string; name: string; path: string; bad: string; good: string }[] = [
  {
    rule: 'layers',
    name: 'policy may not reach up',
    path: 'src/policy/pick.ts',
    bad: "import { parse } from '../wire/index.ts';",
    good: "import { ok } from '../base/index.ts';",
  },
  {
    rule: 'layers',
    name: 'siblings never meet, also lazily',
    path: 'src/control/serve.ts',
    bad: "const proxy = await import('../proxy/index.ts');",
    good: "const xds = await import('../xds/index.ts');",
  },
  {
    rule: 'layers',
    name: 'what tests share is for tests',
    path: 'src/control/serve.ts',
    bad: "import { freePort } from '../testing/programs.ts';",
    good: "import { typeUrls } from '../xds/index.ts';",
  },
  {
    rule: 'layers',
    name: 'what tests share knows no layer',
    path: 'src/testing/envoy.ts',
    bad: "import { typeUrls } from '../xds/index.ts';",
    good: "import { freePort } from './programs.ts';",
  },
  {
    rule: 'face',
    name: 'a folder is entered by its index',
    path: 'src/proxy/dial.ts',
    bad: "import { Ring } from '../base/ring.ts';",
    good: "import { Ring } from '../base/index.ts';",
  },
  {
    rule: 'face',
    name: "and so is one of the proxy's",
    path: 'src/proxy/downstream/connection.ts',
    bad: "import { Exchange } from '../exchange/exchange.ts';",
    good: "import type { ListenerConfig } from '../config/types.ts';",
  },
  {
    rule: 'purity',
    name: 'no real clock below I/O',
    path: 'src/policy/budget.ts',
    bad: 'const now = performance.now();',
    good: 'const now = clock.now();',
  },
  {
    rule: 'purity',
    name: 'no node modules below I/O',
    path: 'src/wire/reader.ts',
    bad: "import { connect } from 'node:net';",
    good: "import { strict } from 'node:assert';",
  },
  {
    rule: 'comment',
    name: 'a comment is read without moving sideways',
    path: 'src/policy/a.ts',
    bad: `// ${'word '.repeat(40)}`,
    good: `const text = '${'word '.repeat(40)}';`,
  },
  {
    rule: 'purity',
    name: 'the proxy has its clock from outside',
    path: 'src/proxy/upstream/pool.ts',
    bad: 'setTimeout(() => this.close(), 5);',
    good: 'clock.arm(this.#timer, 5);',
  },
  {
    rule: 'banned',
    name: 'left-overs',
    path: 'src/net/a.ts',
    bad: '// FIXME later',
    good: '// Later is fine.',
  },
  {
    rule: 'banned',
    name: 'one style of privacy',
    path: 'src/policy/budget.ts',
    bad: 'return this.#spent;',
    good: 'return this.spent;',
  },
  {
    rule: 'banned',
    name: 'exits outside cli',
    path: 'src/proxy/a.ts',
    bad: 'process.exit(1);',
    good: 'stop();',
  },
  {
    rule: 'header',
    name: 'a file says what it is',
    path: 'src/net/a.ts',
    bad: 'export {};',
    good: '// Sockets.\nexport {};',
  },
  {
    rule: 'file-size',
    name: 'a file has an end',
    path: 'src/net/a.ts',
    bad: '\n'.repeat(fileLinesMax),
    good: '\n'.repeat(fileLinesMax - 1),
  },
  {
    rule: 'function-size',
    name: 'a function fits a screen',
    path: 'src/net/a.ts',
    bad: `export function run(): void {\n${'  step();\n'.repeat(functionLinesMax)}}`,
    good: `export function run(): void {\n${'  step();\n'.repeat(functionLinesMax - 2)}}`,
  },
  { rule: 'name', name: 'kebab-case', path: 'src/net/bigFile.ts', bad: '', good: '' },
  {
    rule: 'machine',
    name: 'no machine paths',
    path: 'tools/a.ts',
    bad: "run('/Users/x/y')",
    good: "run('./x')",
  },
];

describe('tidy rules', () => {
  for (const { rule: ruleName, name, path, bad, good } of cases) {
    test(`${ruleName}: ${name}`, () => {
      const rule = rules.find((candidate) => candidate.name === ruleName);
      const goodPath = bad === good ? path.toLowerCase() : path;
      expect(rule?.check(createSource(path, bad)).length).toBeGreaterThan(0);
      expect(rule?.check(createSource(goodPath, good))).toEqual([]);
    });
  }

  test('every rule has a case', () => {
    expect(new Set(cases.map((one) => one.rule))).toEqual(new Set(rules.map((rule) => rule.name)));
  });

  test('links lead somewhere', () => {
    const page = createSource(
      'docs/A.md',
      'see [b](b.md#top) and [c](../c.md) and [web](https://example.org)',
    );
    expect(checkLinks(page, (path) => path === 'docs/b.md').map((found) => found.message)).toEqual([
      'c.md does not exist',
    ]);
  });

  test('decisions are indexed', () => {
    const files = ['docs/decisions/0001-a.md', 'docs/decisions/0002-b.md', 'docs/decisions/README.md'];
    expect(checkDecisionIndex(files, '[a](0001-a.md)').map((found) => found.path)).toEqual([
      'docs/decisions/0002-b.md',
    ]);
  });

  test('each decision has its number for itself', () => {
    const files = ['docs/decisions/0001-a.md', 'docs/decisions/0001-b.md'];
    expect(checkDecisionIndex(files, '0001-a.md 0001-b.md')).toEqual([
      { path: files[1]!, line: 0, rule: 'decisions', message: 'has the number of 0001-a.md' },
    ]);
  });
});
