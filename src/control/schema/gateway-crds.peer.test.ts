// Our judge of objects beside the published definitions of Gateway API as an API server reads them (structure,
// patterns, lengths, enumerations, CEL), and ServicePolicy's beside the definition that we publish. Every field of
// whole objects is changed in every way; what one side takes and the other refuses must be named here, with its reason.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { describeWith, run } from '../../testing/programs.ts';
import { parseObject } from '../source/parse.ts';
import { type Mutation, mutate } from '../testing/mutations.ts';
import { customResourceDefinitions } from './custom-resources.ts';
import { validateObject } from './validate.ts';

setDefaultTimeout(600_000);

interface WholeObject {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: unknown;
}

const whole = parseAllDocuments(
  readFileSync(join(import.meta.dir, 'testdata/whole-objects.yaml'), 'utf8'),
).map((document) => document.toJS() as WholeObject);

interface Exception {
  /** Of what was done to which object. */
  readonly pattern: RegExp;
  readonly reason: string;
}

/** What an API server takes, and the mesh refuses. */
const stricter: readonly Exception[] = [
  {
    pattern: /eaderModifier\.(set|add|remove)\[0\](\.name)? = "(host|te)"/,
    reason: 'a proxy would refuse it',
  },
  { pattern: /eaderModifier\.remove/, reason: 'a name that no header can have' },
  { pattern: /\.replace(FullPath|PrefixMatch) = /, reason: 'a path that no request can have' },
  { pattern: /(path|headers\[0\])\.value = /, reason: 'no regular expression, or none that RE2 takes' },
  { pattern: /matches\[1\]\.method\.service = /, reason: 'none that RE2 takes' },
  { pattern: /timeouts\.request = "99999s"/, reason: 'a timeout is a day at most' },
  { pattern: /minRetryRate\.interval = "1ms"/, reason: 'the limiter counts in seconds' },
  { pattern: /XBackendTrafficPolicy.*targetRefs\[0\]\.kind/, reason: 'a budget is of a Service' },
  { pattern: /XBackend.*externalHostname\.hostname = "127/, reason: 'the host of whoever calls' },
  { pattern: /namespaces\.selector/, reason: 'LabelSelector is judged by Kubernetes elsewhere' },
];

/** What an API server refuses, and the mesh says by a condition of a part, or makes sense of. */
const milder: readonly Exception[] = [
  { pattern: /backendRefs\[0\]\.port (= null|absent)/, reason: 'BackendNotFound, for its share alone' },
  { pattern: /matches = \[\]/, reason: 'no match is the default match' },
  {
    pattern: /(Gateway|ListenerSet)\/.* spec\.listeners (of \d+|with)/,
    reason: 'Conflicted, for the later listeners alone',
  },
  { pattern: /(headers|queryParams|set|add) with its first item twice/, reason: 'the first counts' },
];

function refusalsOf(object: unknown): readonly string[] {
  const raw = parseObject({ file: '', line: 0 }, object as Readonly<Record<string, unknown>>);
  if (!raw.ok) return [raw.error.rule];
  const verdict = validateObject(raw.value);
  return verdict.kind === 'ignored' ? [] : verdict.issues.map(({ field, rule }) => `${field}: ${rule}`);
}

describeWith(['go'], 'the published definitions', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-crds-'));
  const source = fileURLToPath(new URL('../../../tools/peers/gateway-crds', import.meta.url));
  let published = '';

  beforeAll(async () => {
    const go = async (...words: string[]) => {
      const { code, out, err } = await run(['go', '-C', source, ...words]);
      if (code !== 0) throw new Error(err);
      return out.trim();
    };
    await go('build', '-o', join(folder, 'judge'), '.');
    published = `${await go('list', '-m', '-f', '{{.Dir}}', 'sigs.k8s.io/gateway-api')}/config/crd`;
    for (const [index, definition] of customResourceDefinitions().entries())
      writeFileSync(join(folder, `${index}.yaml`), JSON.stringify(definition));
  }, 600_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function judge(mutations: readonly Mutation[]): Promise<readonly (readonly string[])[]> {
    const input = mutations.map(({ object }) => `${JSON.stringify(object)}\n`).join('');
    const folders = [`${published}/standard`, `${published}/experimental`, folder];
    const { code, out, err } = await run([join(folder, 'judge'), ...folders], input);
    if (code !== 0) throw new Error(err);
    const [version, ...verdicts] = out.trimEnd().split('\n');
    expect(version).toBe('v1.6.3');
    return verdicts.map((text) => JSON.parse(text) as readonly string[]);
  }

  const used = new Set<Exception>();

  test.each(whole.map((object) => [`${object.kind}/${object.metadata.name}`, object] as const))(
    '%s is judged alike, whatever is changed',
    async (label, object) => {
      const mutations = [{ name: 'as it is', object }, ...mutate(object)];
      const theirs = await judge(mutations);
      expect(theirs).toHaveLength(mutations.length);
      expect([refusalsOf(object), theirs[0]]).toEqual([[], []]);
      const differences = mutations.flatMap(({ name, object: changed }, index) => {
        const [ours, published] = [refusalsOf(changed), theirs[index]!];
        if (ours.length > 0 === published.length > 0) return [];
        const known = (ours.length > 0 ? stricter : milder).find(({ pattern }) =>
          pattern.test(`${label} ${name}`),
        );
        if (known !== undefined) used.add(known);
        return known !== undefined ? [] : [`${name}: ${ours[0] ?? `taken, though ${published[0]}`}`];
      });
      expect(differences.slice(0, 20)).toEqual([]);
    },
  );

  test('no exception is named that is none', () => {
    expect([...stricter, ...milder].filter((one) => !used.has(one)).map(({ reason }) => reason)).toEqual([]);
  });
});
