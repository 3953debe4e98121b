// One object, changed in one place at a time: every field replaced by values from everywhere near the rules that such
// fields have, left out, or of another type; lists made longer.

export interface Mutation {
  /** What was done: `spec.rules[0].name = "A"`. */
  readonly name: string;
  readonly object: unknown;
}

const long = [63, 64, 253, 254, 256, 257, 1024, 1025, 4096, 4097].map((count) => 'x'.repeat(count));
const hosts = [
  'a',
  'A',
  'a.b',
  'a-b',
  'a_b',
  '-a',
  'a-',
  '.a',
  'a.',
  'a..b',
  '*',
  '*.',
  '*.a',
  '*.a.b',
  'a.*',
  '*a',
];
const words = [
  '',
  '1',
  'a:80',
  '127.0.0.1',
  '::1',
  'é',
  'a b',
  'a  b',
  ' a',
  'a ',
  'a\t',
  'a\n',
  'X-A',
  ':path',
  'a/b',
];
const paths = [
  '/',
  '/a',
  '//',
  '/a//b',
  '/./',
  '/../',
  '/a/..',
  '/a/.',
  '/a b',
  '/a#b',
  '/a?b',
  '/a%2fb',
  '/a%2Fb',
];
const morePaths = ['/a%zz', '/%61', "/a'(b)", '/a,b;c=d', '/é', '/a\n', `/${'x'.repeat(1023)}`];
const patterns = ['[', '(a', 'a+', '^/a/[0-9]+$'];
const durations = [
  '10s',
  '1h',
  '1ms',
  '1s500ms',
  '0s',
  '0',
  '1.5s',
  '-1s',
  '100000s',
  '99999s',
  '1us',
  '1d',
  '1h1m1s1ms',
];
const terms = [
  'GET',
  'get',
  'Exact',
  'PathPrefix',
  'http',
  'https',
  'HTTP',
  'HTTPS',
  'Service',
  'core',
  'host',
  'te',
];
const texts = [...hosts, ...words, ...paths, ...morePaths, ...patterns, ...durations, ...terms, ...long];
const numbers = [
  -1,
  0,
  1,
  2,
  16,
  17,
  99,
  100,
  199,
  200,
  301,
  308,
  399,
  400,
  599,
  600,
  65535,
  65536,
  1e6,
  1e6 + 1,
  1.5,
];
const odd = [null, true, 1, 'text', [], {}, [null], [{}], ['a', 'a']];
const counts = [8, 9, 16, 17, 32, 33, 64, 65, 129];

/** Changes below `spec`, and nothing else. */
export function mutate(object: { readonly spec: unknown }): readonly Mutation[] {
  const found: Mutation[] = [];
  visit(object.spec, ['spec'], (path, what, value) => {
    const copy: unknown = structuredClone(object);
    put(copy, path, value);
    found.push({ name: `${format(path)} ${what}`, object: copy });
  });
  return found;
}

type Path = readonly (string | number)[];
type Emit = (path: Path, what: string, value: unknown) => void;

function visit(value: unknown, path: Path, emit: Emit): void {
  for (const other of odd) emit(path, `= ${JSON.stringify(other)}`, other);
  if (typeof path.at(-1) === 'string') emit(path, 'absent', undefined);
  if (typeof value === 'string') for (const text of texts) emit(path, `= ${shorten(text)}`, text);
  else if (typeof value === 'number') for (const number of numbers) emit(path, `= ${number}`, number);
  else if (Array.isArray(value)) visitList(value, path, emit);
  else if (typeof value === 'object' && value !== null) {
    emit([...path, 'unknown'], '= "a"', 'a');
    for (const [name, item] of Object.entries(value)) visit(item, [...path, name], emit);
  }
}

function visitList(list: readonly unknown[], path: Path, emit: Emit): void {
  emit(path, 'with its first item twice', [list[0], ...list]);
  for (const count of counts)
    emit(
      path,
      `of ${count}`,
      Array.from({ length: count }, (_, index) => rename(list[0], index)),
    );
  for (const [index, item] of list.entries()) visit(item, [...path, index], emit);
}

/** A copy under another name, so that it is the number alone that is too large. */
function rename(item: unknown, index: number): unknown {
  if (typeof item === 'string')
    return item.startsWith('*') ? `*.n${index}.example.org` : `n${index}.example.com`;
  return JSON.parse(JSON.stringify(item), (key, value) =>
    typeof value === 'string' && (key === 'name' || key === 'sectionName') ? `${value}-${index}` : value,
  );
}

function put(root: unknown, path: Path, value: unknown): void {
  let at = root as Record<string | number, unknown>;
  for (const part of path.slice(0, -1)) at = at[part] as typeof at;
  const last = path.at(-1)!;
  if (value === undefined) delete at[last];
  else at[last] = value;
}

function format(path: Path): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .slice(1);
}

function shorten(text: string): string {
  return JSON.stringify(text.length > 70 ? `${text.slice(0, 3)}… of ${text.length}` : text);
}
