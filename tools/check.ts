// `npm run check`: all that must hold before a commit lands: format, lint, types, house rules, dead code, generated
// documents, tests; in CI, where there is a cluster to be had, the mesh profiles of Gateway API's conformance suite
// too.

import { finish, runStep, runTests, type Step, sum } from './steps.ts';

const bun = process.execPath;

const steps: readonly Step[] = [
  { name: 'format and lint', command: ['node_modules/.bin/biome', 'check', '--error-on-warnings', '.'] },
  { name: 'types', command: ['node_modules/.bin/tsc', '-p', '.'] },
  { name: 'types of the page', command: ['node_modules/.bin/tsc', '-p', 'src/console/page'] },
  { name: 'tidy', command: [bun, 'tools/tidy.ts'] },
  { name: 'dead code', command: ['node_modules/.bin/knip'] },
  { name: 'generated documents', command: [bun, 'tools/documents.ts', '--check'] },
];

/** CI has forty minutes for all of it, and the suite takes four. */
const suiteBeforeMs = 32 * 60_000;

const counts = [];
for (const step of steps) counts.push(await runStep(step));
counts.push(await runTests([]));
const hasCluster = process.env['CI'] === 'true' && (process.env['WEFT_KUBENET'] ?? '') !== '';
if (hasCluster && performance.now() > suiteBeforeMs)
  console.log('\n== conformance: left out, the machine is slow and the time for CI is nearly over');
else if (hasCluster)
  counts.push(await runStep({ name: 'conformance', command: [bun, 'tools/conformance.ts', 'mesh'] }));
finish(sum(counts));
