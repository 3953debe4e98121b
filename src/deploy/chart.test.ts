import { describe, expect, test } from 'bun:test';
import { parse, parseAllDocuments } from 'yaml';
import { createChart } from './chart.ts';
import { createInstallation } from './install.ts';

const files = createChart('1.2.3');
const text = (path: string) => files.get(path) ?? '';

/** Far less than Helm: the expressions that the chart has, by their text; a condition holds where it is listed. */
function render(
  values: Readonly<Record<string, string>>,
  holding: readonly string[],
): readonly { kind: string; metadata: object }[] {
  const templates = [...files].filter(([path]) => path.startsWith('templates/')).map(([, yaml]) => yaml);
  const yaml = templates
    .map((template) => choose(template, holding))
    .join('---\n')
    .replaceAll(/\{\{ (.+?) \}\}/g, (_all, expression: string) => {
      const value = values[expression];
      if (value === undefined) throw new Error(`no value for ${expression}`);
      return value;
    });
  return parseAllDocuments(yaml)
    .map((document) => document.toJS())
    .filter((object) => object !== null);
}

/** The branches of `if`, `else if` and `else` that are taken. */
function choose(template: string, holding: readonly string[]): string {
  const open: { taken: boolean; active: boolean }[] = [];
  const lines = template.split('\n').filter((line) => {
    const [, word, condition] = /^\{\{- (if|else if|else|end)(?: (.+?))? \}\}$/.exec(line) ?? [];
    if (word === undefined) return open.every(({ active }) => active);
    if (word === 'end') open.pop();
    else if (word === 'if') open.push({ taken: false, active: false });
    const level = open.at(-1);
    if (word === 'end' || level === undefined) return false;
    level.active = !level.taken && (condition === undefined || holding.includes(condition));
    level.taken ||= level.active;
    return false;
  });
  return lines.join('\n');
}

describe('the chart', () => {
  const certificate = { cert: 'c', key: 'k', ca: 'a' };
  const everything = ['.Values.agents', '.Values.cni.enabled', '.Values.monitors'];
  test.each([
    ['', certificate, ['.Values.webhook.cert', '.Values.webhook.enabled']],
    ['next', certificate, ['.Values.webhook.cert']],
    ['', 'kept', ['.Values.webhook.enabled']],
    ['next', 'kept', ['.Values.webhook.enabled']],
    ['', null, []],
  ] as const)(
    'is what weft install prints, but for the namespace, which Helm makes: revision %j, webhook %j',
    (revision, webhook, conditions) => {
      const options = {
        image: 'weft:1',
        namespace: '123',
        revision,
        replicas: 3,
        agents: true,
        cni: { bin: '/bin', config: '/net.d' },
        monitors: true,
        webhook,
      };
      const values = {
        '.Values.image | quote': '"weft:1"',
        '.Values.replicas': '3',
        '.Release.Namespace': '123',
        '.Release.Namespace | quote': '"123"',
        '.Values.cni.binDir | quote': '"/bin"',
        '.Values.cni.configDir | quote': '"/net.d"',
        '.Values.revision': revision,
        '.Values.revision | quote': `"${revision}"`,
        '.Values.webhook.cert | b64enc | quote': 'Yw==',
        '.Values.webhook.key | b64enc | quote': 'aw==',
        '.Values.webhook.ca | default .Values.webhook.cert | b64enc | quote': 'YQ==',
        '"{{"': '{{',
      };
      const holding = [...everything, ...conditions, ...(revision === '' ? [] : ['.Values.revision'])];
      const unkept = JSON.parse(JSON.stringify(render(values, holding)), (_key, value) => {
        if (value?.['helm.sh/resource-policy'] === undefined) return value;
        const { 'helm.sh/resource-policy': policy, ...rest } = value;
        expect(policy).toBe('keep');
        return Object.keys(rest).length === 0 ? undefined : rest;
      });
      const printed = createInstallation(options).filter(
        (object) => (object as { kind?: string }).kind !== 'Namespace',
      );
      const sorted = (objects: readonly object[]) =>
        objects.map((object) => JSON.stringify(object)).toSorted();
      expect(sorted(unkept)).toEqual(sorted(JSON.parse(JSON.stringify(printed))));
    },
  );

  test('keeps the definitions when a release goes: policies would go with them', () => {
    const crds = parseAllDocuments(text('templates/crds.yaml')).map((document) => document.toJS());
    expect(crds.length).toBeGreaterThan(0);
    for (const { kind, metadata } of crds) {
      expect(kind).toBe('CustomResourceDefinition');
      expect(metadata.annotations).toMatchObject({ 'helm.sh/resource-policy': 'keep' });
    }
  });

  test('has a schema entry with a text for each value, and no other', () => {
    const { properties, additionalProperties } = JSON.parse(text('values.schema.json'));
    const { global, ...own } = properties;
    expect([global, additionalProperties]).toEqual([{}, false]);
    expect(Object.keys(own)).toEqual(Object.keys(parse(text('values.yaml'))));
    for (const { description } of Object.values<{ description: string }>(own))
      expect(text('values.yaml')).toContain(`# ${description}`);
  });

  test('has the version of the program', () => {
    expect(parse(text('Chart.yaml'))).toMatchObject({ version: '1.2.3', appVersion: '1.2.3' });
    expect(parse(text('values.yaml')).image).toBe('weft:1.2.3');
  });
});
