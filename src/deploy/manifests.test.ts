import { describe, expect, test } from 'bun:test';
import { parseAllDocuments } from 'yaml';
import { injectManifests } from './manifests.ts';

const options = { image: 'weft:1', xds: 'c:1' };
const spec = 'containers: [{ name: app, image: app }]';
const objects = (text: string) => parseAllDocuments(text).map((document) => document.toJS());

describe('every pod gets its sidecar', () => {
  test.each([
    ['Pod', `kind: Pod\nmetadata: { name: a }\nspec: { ${spec} }\n`, ['spec']],
    [
      'Deployment',
      `kind: Deployment\nmetadata: { name: a }\nspec: { template: { spec: { ${spec} } } }\n`,
      ['spec', 'template', 'spec'],
    ],
    [
      'CronJob',
      `kind: CronJob\nmetadata: { name: a }\nspec: { jobTemplate: { spec: { template: { spec: { ${spec} } } } } }\n`,
      ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
    ],
    [
      'List',
      `kind: List\nitems: [{ kind: Pod, metadata: { name: a }, spec: { ${spec} } }]\n`,
      ['items', '0', 'spec'],
    ],
  ])('of a %s', (_, text, path) => {
    const done = injectManifests(text, options);
    expect(done).toMatchObject({ injected: 1, left: [], faults: [] });
    const pod = path.reduce((value, part) => value[part], objects(done.text)[0]);
    expect(pod.initContainers.map(({ name }: { name: string }) => name)).toContain('weft-proxy');
    expect(pod.volumes.map(({ name }: { name: string }) => name)).toEqual([
      'weft',
      'weft-identity',
      'weft-pod',
    ]);
  });
});

test('everything else comes out as it went in, comments included', () => {
  const text =
    '# The shop.\nkind: Service\nmetadata: { name: a } # by hand\n---\nkind: ConfigMap\ndata: { a: "1" }\n';
  expect(injectManifests(text, options)).toEqual({ text, injected: 0, left: [], faults: [] });
  const pod = `# why\nkind: Pod\nmetadata: { name: a }\nspec: { ${spec} } # what\n`;
  const done = injectManifests(`${text}---\n${pod}`, options);
  expect(done.text).toStartWith(text);
  expect(done.text).toContain('# why');
});

test('injecting twice is injecting once', () => {
  const once = injectManifests(
    `kind: Pod\nmetadata: { name: a, namespace: b }\nspec: { ${spec} }\n`,
    options,
  );
  const twice = injectManifests(once.text, options);
  expect(objects(twice.text)).toEqual(objects(once.text));
  expect(twice.left).toEqual(['b/Pod/a: it has a sidecar']);
});

test.each([
  [
    'a pod without containers',
    'kind: Pod\nmetadata: { name: a }\nspec: {}\n',
    'Pod/a: has no pod with containers',
  ],
  ['no YAML', 'kind: [\n', 'document 1: '],
  [
    'an annotation',
    `kind: Pod\nmetadata: { name: a, annotations: { weft.dev/skip-ports: x } }\nspec: { ${spec} }\n`,
    'Pod/a: annotation weft.dev/skip-ports must be',
  ],
])('%s is a fault', (_, text, words) => {
  const { faults, injected } = injectManifests(text, options);
  expect([faults.length, injected]).toEqual([1, 0]);
  expect(faults[0]).toStartWith(words);
});
