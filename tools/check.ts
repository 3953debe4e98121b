// `npm run check`: all that must hold before a commit lands: format, lint, types, house rules, dead code, generated
// documents, tests; in CI, where there is a cluster to be had, Gateway API's conformance suite too.

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

/**
 * Tests that play on a cluster and mostly wait for it. So does the conformance suite, whose patience is half a minute
 * and more: it plays on a cluster of its own beside these, and beside nothing that looks at time.
 */
const onClusters = ['src/deploy/kubernetes.peer.test.ts', 'story/story.peer.test.ts'];

const counts = [];
for (const step of steps) counts.push(await runStep(step));
if (process.env['CI'] === 'true' && (process.env['WEFT_KUBENET'] ?? '') !== '') {
  const suite = { name: 'conformance', command: [bun, 'tools/conformance.ts', '--check'] };
  counts.push(...(await Promise.all([runTests(onClusters), runStep(suite)])));
  counts.push(await runTests([], onClusters));
} else counts.push(await runTests([]));
finish(sum(counts));
