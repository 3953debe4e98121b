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

const usage = `Usage: npm run bench -- [CASE ...] [--quick] [--rounds N] [--only PEER] [--save FOLDER]
cases: ${[...cases.map(({ name }) => name), ...Object.keys(parts), 'all'].join(' ')}`;

function readArguments() {
  try {
    return parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        rounds: { type: 'string', default: String(full.rounds) },
        only: { type: 'string', multiple: true, default: [] },
        save: { type: 'string' },
      },
      allowPositionals: true,
    });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function refuse(reason: string): never {
  console.error(`bench: ${reason}\n${usage}`);
  process.exit(64);
}

const { values, positionals } = readArguments();
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1 || rounds > 20) refuse('--rounds is a number of 1 to 20');
const effort = values.quick ? quick : { ...full, rounds };
const known = [...cases.map(({ name }) => name), ...Object.keys(parts)];
const unknown = positionals.find((name) => name !== 'all' && !known.includes(name));
if (unknown !== undefined) refuse(`there is no case '${unknown}'`);
const wanted = positionals.length === 0 ? ['hop'] : positionals;
const results: CaseResult[] = [];
if (wanted.some((name) => !Object.hasOwn(parts, name))) buildWeft();
for (const name of wanted.flatMap((one) => (one === 'all' ? cases.map((bench) => bench.name) : [one]))) {
  const bench = cases.find((one) => one.name === name);
  if (bench === undefined) await parts[name]!(values.quick);
  else results.push(await runCase(bench, effort, values.only));
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
