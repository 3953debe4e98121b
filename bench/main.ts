// `npm run bench [-- NAME...] [--quick] [--only PEER] [--save FOLDER]`: cases beside rivals and parts by themselves;
// without a name, the hop; `all`: every case, one after the other.

import { parseArgs } from 'node:util';
import { cases } from './cases/index.ts';
import type { Effort } from './harness/case.ts';
import { formatCase } from './harness/report.ts';
import { writeResults } from './harness/results.ts';
import { type CaseResult, runCase } from './harness/run.ts';
import { parts } from './parts/index.ts';

const full: Effort = { rounds: 3, seconds: 6, rates: [50, 500, 15_000], quick: false };
const quick: Effort = { rounds: 1, seconds: 2, rates: [500], quick: true };

const { values, positionals } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    save: { type: 'string' },
  },
  allowPositionals: true,
});
const known = [...cases.map(({ name }) => name), ...Object.keys(parts)];
const unknown = positionals.find((name) => name !== 'all' && !known.includes(name));
if (unknown !== undefined) {
  console.error(`bench: '${unknown}' is not one of ${[...known, 'all'].join(', ')}`);
  process.exit(64);
}
const wanted = positionals.length === 0 ? ['hop'] : positionals;
const results: CaseResult[] = [];
if (wanted.some((name) => !Object.hasOwn(parts, name))) buildWeft();
for (const name of wanted.flatMap((one) => (one === 'all' ? cases.map((bench) => bench.name) : [one]))) {
  const bench = cases.find((one) => one.name === name);
  if (bench === undefined) await parts[name]!(values.quick);
  else results.push(await runCase(bench, values.quick ? quick : full, values.only));
}
for (const result of results) console.log(`\n${formatCase(result)}`);
if (values.save !== undefined) {
  const words = ['npm run bench --', ...process.argv.slice(2)];
  writeResults(values.save, words.join(' '), results);
}

/** What is measured is the program that is shipped, made from this tree. */
function buildWeft(): void {
  if (process.env['WEFT_BIN'] !== undefined) return;
  const { exitCode } = Bun.spawnSync([process.execPath, 'tools/build.ts'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (exitCode !== 0) throw new Error('npm run build failed');
}
