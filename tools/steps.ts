// Steps of `npm run check` and `npm test`: each is a command that passes or fails; the last line counts them and the
// tests together.

import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Count, findFailures, findSkips, findSlowest, parseJunit } from './test-report.ts';

/** Where the minutes went: so many files, of those that take so long. */
const slowestCount = 25;
const slowSeconds = 10;

export interface Step {
  readonly name: string;
  readonly command: readonly string[];
}

/** Runs one command with its output shown; counts as one test. */
export async function runStep(step: Step): Promise<Count> {
  console.log(`\n== ${step.name}`);
  const beganMs = performance.now();
  const child = Bun.spawn([...step.command], { stdio: ['ignore', 'inherit', 'inherit'] });
  const passed = (await child.exited) === 0;
  const seconds = (performance.now() - beganMs) / 1000;
  if (!passed) console.log(`== ${step.name} FAILED`);
  else if (seconds >= slowSeconds) console.log(`${seconds.toFixed(1).padStart(6)} s ${step.name}`);
  return { passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0, reasons: passed ? [] : [step.name] };
}

/**
 * Runs `bun test` over the given paths, all where there are none, but for some files; a crash of the runner counts as
 * one failure beside what it reported. Quiet when all is well, except for what was skipped and why; otherwise the
 * runner's output of the failures, whole.
 */
export async function runTests(paths: readonly string[], except: readonly string[] = []): Promise<Count> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-test-'));
  const report = join(folder, 'junit.xml');
  // One file for both of the runner's streams: a failure and what the test printed stay together.
  const outputPath = join(folder, 'output');
  const output = openSync(outputPath, 'a');
  try {
    const child = Bun.spawn(
      [
        process.execPath,
        'test',
        '--only-failures',
        '--reporter=junit',
        `--reporter-outfile=${report}`,
        '--timeout',
        '30000',
        ...except.map((path) => `--path-ignore-patterns=${path}`),
        ...paths,
      ],
      { stdio: ['ignore', output, output] },
    );
    const exit = await child.exited;
    const xml = readReport(report);
    const text = readReport(outputPath);
    for (const line of exit === 0 ? findSkips(text) : [text]) console.log(line);
    for (const line of findSlowest(xml, slowestCount, slowSeconds)) console.log(line);
    const count = parseJunit(xml);
    if (exit === 0) return count;
    const reasons = findFailures(xml, text);
    const crashed = reasons.length === 0 ? [`bun test ended with ${exit}, and does not say why`] : reasons;
    return { ...count, failed: Math.max(count.failed, 1), reasons: crashed };
  } finally {
    closeSync(output);
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

export function sum(counts: readonly Count[]): Count {
  return {
    passed: counts.reduce((total, count) => total + count.passed, 0),
    failed: counts.reduce((total, count) => total + count.failed, 0),
    skipped: counts.reduce((total, count) => total + count.skipped, 0),
    reasons: counts.flatMap((count) => count.reasons),
  };
}

/** Prints what failed and the closing line, and exits with it. */
export function finish(count: Count): never {
  if (count.reasons.length > 0) console.log('\n== failed');
  for (const reason of count.reasons) console.log(reason);
  const skipped = count.skipped === 0 ? '' : `, ${count.skipped} skipped`;
  console.log(`\n${count.passed} passed, ${count.failed} failed${skipped}`);
  process.exit(count.failed === 0 && count.passed > 0 ? 0 : 1);
}
