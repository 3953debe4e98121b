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
  expect(injectManifests(text, options)).toEqual({ text, injected: 0, left: [], faults: [], notes: [] });
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

describe('ServicePolicies among the manifests', () => {
  const service = 'apiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec: { selector: { app: a } }\n';
  const policy = (sidecar: string) =>
    `apiVersion: weft.dev/v1alpha1\nkind: ServicePolicy\nmetadata: { name: p }\nspec: { targetRefs: [{ group: "", kind: Service, name: a }], sidecar: ${sidecar} }\n`;
  const deployment = `kind: Deployment\nmetadata: { name: a }\nspec: { template: { metadata: { labels: { app: a } }, spec: { ${spec} } } }\n`;
  const proxyIn = (text: string) =>
    objects(text)
      .flatMap((object) => object?.spec?.template?.spec.initContainers ?? [])
      .find(({ name }: { name: string }) => name === 'weft-proxy');

  test('hold for pods that their Services select, wherever they stand', () => {
    const texts = [deployment, policy('{ resources: { limits: { memory: 1Gi } }, logLevel: warn }'), service];
    const list = `kind: List\napiVersion: v1\nitems: [${texts
      .slice(1)
      .map((text) => JSON.stringify(objects(text)[0]))
      .join(', ')}]\n`;
    for (const text of [texts.join('---\n'), texts.toReversed().join('---\n'), `${list}---\n${deployment}`]) {
      const done = injectManifests(text, options);
      expect(done).toMatchObject({ injected: 1, faults: [], notes: [] });
      const { args, resources } = proxyIn(done.text);
      expect(resources).toEqual({ requests: { cpu: '50m' }, limits: { memory: '1Gi' } });
      expect(args.slice(-2)).toEqual(['--log-level', 'warn']);
    }
  });

  test('whose Service is elsewhere hold for nobody, and are named', () => {
    const done = injectManifests([deployment, policy('{ logLevel: warn }')].join('---\n'), options);
    expect(done.notes).toEqual([
      'ServicePolicy default/p: a Service that it names is not among the manifests',
    ]);
    expect(proxyIn(done.text).args).not.toContain('--log-level');
  });

  test('at fault are told as weft check does, and nothing is printed', () => {
    const bad = policy('{ resources: { requests: { memory: 64m } } }');
    const done = injectManifests([deployment, service, bad].join('---\n'), options);
    expect([done.text, done.faults]).toEqual([
      '',
      [
        'default/ServicePolicy/p: spec.sidecar.resources.requests.memory: must be an amount of memory such as 128Mi (got 64m)',
      ],
    ]);
  });
});
