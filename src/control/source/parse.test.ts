import { describe, expect, test } from 'bun:test';
import { formatIssue } from '../../base/index.ts';
import { sourceLimits } from './limits.ts';
import { parseManifests } from './parse.ts';

const service = (name: string) => `apiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\n`;

describe('parseManifests', () => {
  const good: readonly [string, string, readonly string[]][] = [
    ['one object', service('a'), ['default/Service/a 1']],
    [
      'several documents with their lines',
      `# note\n${service('a')}---\n${service('b')}`,
      ['default/Service/a 2', 'default/Service/b 6'],
    ],
    ['empty documents between', `---\n---\n${service('a')}---\n`, ['default/Service/a 3']],
    ['an empty file', '', []],
    ['comments alone', '# nothing\n', []],
    [
      'JSON',
      '{"apiVersion":"v1","kind":"Service","metadata":{"name":"a","namespace":"n"}}',
      ['n/Service/a 1'],
    ],
    [
      'a list',
      `apiVersion: v1\nkind: List\nitems:\n- { apiVersion: v1, kind: Service, metadata: { name: a } }\n`,
      ['default/Service/a 4'],
    ],
    [
      'a typed list',
      `apiVersion: v1\nkind: ServiceList\nitems:\n- { apiVersion: v1, kind: Service, metadata: { name: a } }\n`,
      ['default/Service/a 4'],
    ],
    [
      'a typed list as the API server answers it',
      `apiVersion: v1\nkind: ServiceList\nitems:\n- metadata: { name: a }\n- metadata:\n    name: b\n`,
      ['default/Service/a 4', 'default/Service/b 5'],
    ],
    [
      'kinds of one name, told apart by their groups',
      `${service('a')}---\n${service('a').replace('v1', 'serving.knative.dev/v1')}---\n${service('a').replace('Service', 'HTTPRoute')}`,
      ['default/Service/a 1', 'default/Service.serving.knative.dev/a 5', 'default/HTTPRoute.core/a 9'],
    ],
    ['an empty list', 'apiVersion: v1\nkind: List\nitems: null\n', []],
  ];
  test.each(good)('%s', (_, text, expected) => {
    const result = parseManifests('f.yaml', text);
    if (!result.ok) throw new Error(result.error.map(formatIssue).join());
    expect(result.value.map((one) => `${one.key} ${one.origin.line}`)).toEqual([...expected]);
  });

  test('merge keys bring in what they name, as for kubectl', () => {
    const text = `x: &x { spec: { ports: [{ port: 80 }] } }\n<<: *x\n${service('a')}`;
    const result = parseManifests('f.yaml', text);
    expect(result.ok && result.value[0]?.value['spec']).toEqual({ ports: [{ port: 80 }] });
  });

  test('words that YAML 1.1 takes for true and false are that, as for kubectl, but not as keys', () => {
    const values = 'a: yes, b: No, c: on, d: OFF, e: y, f: "yes", g: yesterday, h: true';
    const text = `${service('a')}x: { ${values}, on: 1, n: 2 }\n`;
    const result = parseManifests('f.yaml', text);
    expect(result.ok && result.value[0]?.value['x']).toEqual({
      a: true,
      b: false,
      c: true,
      d: false,
      e: true,
      f: 'yes',
      g: 'yesterday',
      h: true,
      on: 1,
      n: 2,
    });
  });

  const bad: readonly [string, string, readonly string[]][] = [
    [
      'broken YAML',
      `${service('a')}---\nspec: [\n`,
      [
        'f.yaml:6: is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ] (column 1)',
      ],
    ],
    [
      'a key twice',
      `${service('a')}kind: Other\n`,
      ['f.yaml:4: is not YAML: Map keys must be unique (column 1)'],
    ],
    ['no object', '- 1\n', ['f.yaml:1: a document must be an object with apiVersion, kind and metadata']],
    ['no apiVersion', 'kind: Service\n', ['f.yaml:1: apiVersion: must be a string, such as v1']],
    ['no kind', 'apiVersion: v1\n', ['f.yaml:1: kind: must be a string, such as Service']],
    [
      'a name that is no text',
      'apiVersion: v1\nkind: Service\nmetadata: { name: y }\n',
      ['f.yaml:1: metadata.name: must be text (quote numbers, yes and no)'],
    ],
    [
      'a template',
      'apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}\n',
      [
        'f.yaml:4: is a template: render it first, as helm template does',
        'f.yaml:1: metadata.name: a Service must have a name',
      ],
    ],
    [
      'a template that is no YAML',
      '{{- if .Values.on }}\napiVersion: v1\nkind: Service\n{{- end }}\n',
      [
        'f.yaml:1: is a template: render it first, as helm template does',
        'f.yaml:1: is not YAML: Block collections are not allowed within flow collections (column 3)',
      ],
    ],
    [
      'braces in text',
      'apiVersion: v1\nkind: Service\nmetadata: { labels: { a: "x: {{ y }}" } } # of: {{ z }}\n',
      ['f.yaml:1: metadata.name: a Service must have a name'],
    ],
    ['no name', 'apiVersion: v1\nkind: Service\n', ['f.yaml:1: metadata.name: a Service must have a name']],
    [
      'two faults',
      'apiVersion: v1\n---\nkind: Service\n',
      [
        'f.yaml:1: kind: must be a string, such as Service',
        'f.yaml:3: apiVersion: must be a string, such as v1',
      ],
    ],
  ];
  test.each(bad)('%s', (_, text, expected) => {
    const result = parseManifests('f.yaml', text);
    expect(result.ok ? [] : result.error.map(formatIssue)).toEqual([...expected]);
  });

  test('a file above the limit is refused', () => {
    const result = parseManifests('f.yaml', `${service('a')}#${'x'.repeat(sourceLimits.fileBytesMax)}`);
    expect(result.ok ? [] : result.error.map(({ rule }) => rule)).toEqual([
      `must have at most ${sourceLimits.fileBytesMax} bytes`,
    ]);
  });

  test('an alias that stands in itself is refused', () => {
    const result = parseManifests('f.yaml', `${service('a')}spec: &a { b: *a }\n`);
    expect(result.ok ? [] : result.error.map(({ object, rule }) => `${object} ${rule.slice(0, 19)}`)).toEqual(
      ['f.yaml:1 is not usable YAML:'],
    );
  });

  test('an alias bomb is refused', () => {
    let text = 'a0: &a0 [x]\n';
    for (let i = 1; i < 12; i++)
      text += `a${i}: &a${i} [${Array(9)
        .fill(`*a${i - 1}`)
        .join(',')}]\n`;
    const result = parseManifests('f.yaml', text);
    expect(result.ok).toBe(false);
  });
});
