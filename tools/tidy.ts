// `bun tools/tidy.ts`: the house rules that no linter knows, over every tracked file. Exits with 1 where one is broken.

import { existsSync, readFileSync } from 'node:fs';
import { $ } from 'bun';
import { checkCycles } from './tidy/cycles.ts';
import { checkDecisionIndex, checkLinks } from './tidy/docs.ts';
import { checkProse } from './tidy/prose.ts';
import { isExempt, rules } from './tidy/rules.ts';
import { type Finding, readSource } from './tidy/source.ts';

const tracked = (await $`git ls-files --cached --others --exclude-standard`.text())
  .split('\n')
  .filter((path) => path !== '' && existsSync(path));

const code = tracked.filter((path) => path.endsWith('.ts') && !isExempt(path)).map(readSource);
const findings: Finding[] = code.flatMap((source) =>
  rules.flatMap((rule) =>
    rule.check(source).map((found) => ({ path: source.path, rule: rule.name, ...found })),
  ),
);
findings.push(...checkCycles(code));
findings.push(
  ...tracked
    .filter((path) => path.endsWith('.md'))
    .map(readSource)
    .flatMap((source) => [
      ...checkLinks(source),
      ...(source.path === 'CHANGELOG.md' ? [] : checkProse(source)),
    ]),
);
const decisions = 'docs/decisions/README.md';
findings.push(...checkDecisionIndex(tracked, existsSync(decisions) ? readFileSync(decisions, 'utf8') : ''));

for (const { path, line, rule, message } of findings) console.error(`${path}:${line}: ${rule}: ${message}`);
console.log(`tidy: ${tracked.length} files, ${findings.length} findings`);
process.exit(findings.length === 0 ? 0 : 1);
