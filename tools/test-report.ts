// What a run of `bun test` says of itself, for the last lines of a run: counts, the failed tests and why, the slowest
// files. Read from the runner's JUnit report, and from its output what happened outside any test.

export interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** What failed and why, in few lines each: said again at the end, where one looks. */
  readonly reasons: readonly string[];
}

/** A failure's own lines are these at most; the whole of it stands above, where the test ran. */
const reasonLinesMax = 8;
const reasonColumnsMax = 200;

/** Totals of a JUnit report: the attributes of its outermost `testsuites` element. */
export function parseJunit(xml: string): Count {
  const root = attributesOf(/<testsuites[^>]*>/.exec(xml)?.[0] ?? '');
  const count = (name: string): number => Number(root.get(name) ?? 0);
  const failed = count('failures') + count('errors');
  const skipped = count('skipped');
  return { passed: count('tests') - failed - skipped, failed, skipped, reasons: [] };
}

/** Each failed test, `FILE:LINE NAME` and its reason's first lines, and each error outside of a test. */
export function findFailures(xml: string, output: string): readonly string[] {
  const cases = [...xml.matchAll(/<testcase ([^>]*[^/>])>\s*<failure ([^>]*)>/g)].map(
    ([, test = '', failure = '']) => {
      const named = attributesOf(test);
      const name = [named.get('classname'), named.get('name')].filter((part) => part).join(' > ');
      const reason = shorten(attributesOf(failure).get('message') ?? '');
      return `${named.get('file')}:${named.get('line') ?? 1} ${name}${reason}`;
    },
  );
  const strays = output.split('# Unhandled error between tests\n').map((part, index, parts) => {
    if (index === 0) return [];
    const file =
      parts
        .slice(0, index)
        .join('')
        .match(/^\S+\.test\.ts(?=:$)/gm)
        ?.at(-1) ?? 'no file';
    return [`${file} outside of a test${shorten(/^error: .*$/m.exec(part)?.[0] ?? '')}`];
  });
  return [...cases, ...strays.flat()];
}

/** The files that took the longest, `SECONDS FILE`, and of those no shorter than so many seconds. */
export function findSlowest(xml: string, count: number, secondsMin: number): readonly string[] {
  return [...xml.matchAll(/^ {2}<testsuite ([^>]*)>/gm)]
    .map(([, suite = '']) => attributesOf(suite))
    .map((suite) => ({ file: suite.get('file') ?? '', seconds: Number(suite.get('time') ?? 0) }))
    .filter(({ seconds }) => seconds >= secondsMin)
    .sort((one, other) => other.seconds - one.seconds)
    .slice(0, count)
    .map(({ file, seconds }) => `${seconds.toFixed(1).padStart(6)} s ${file}`);
}

/** The lines in which a suite says that it is skipped, and why; each once. */
export function findSkips(output: string): readonly string[] {
  return [...new Set(output.split('\n').filter((line) => line.includes(': skipped, ')))];
}

function attributesOf(element: string): ReadonlyMap<string, string> {
  return new Map(
    [...element.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, decode(value)]),
  );
}

function decode(value: string): string {
  return value
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}

/** The first line and those that differ; of what is alike on both sides nothing. */
function shorten(message: string): string {
  const lines = message.split('\n').filter((line) => line.trim() !== '');
  return lines
    .filter((line, index) => index === 0 || /^[+-]|^(Expected|Received)/.test(line))
    .slice(0, reasonLinesMax)
    .map((line) => `\n    ${line.slice(0, reasonColumnsMax)}`)
    .join('');
}
