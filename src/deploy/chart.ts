// The Helm chart, made of the very objects that `weft install` prints: they are created once with marks in place of the
// values, and the marks are replaced by Helm's expressions. There is no second copy that could differ.

import { stringify } from 'yaml';
import { createChartSchema, encodeChartValues } from './chart-values.ts';
import { createInstallation, type InstallOptions } from './install.ts';

/** Path within the chart's folder, and text. */
export type ChartFiles = ReadonlyMap<string, string>;

interface Mark {
  /** What stands in the objects: no text of theirs has it. */
  readonly text: string;
  /** A template expression, without its braces. */
  readonly expression: string;
}

const marks = {
  image: { text: 'weft-mark-image', expression: '.Values.image' },
  namespace: { text: 'weft-mark-namespace', expression: '.Release.Namespace' },
  revision: { text: 'weft-mark-revision', expression: '.Values.revision' },
  cert: { text: 'weft-mark-cert', expression: '.Values.webhook.cert | b64enc' },
  cniBin: { text: 'weft-mark-cni-bin', expression: '.Values.cni.binDir' },
  cniConfig: { text: 'weft-mark-cni-config', expression: '.Values.cni.configDir' },
  key: { text: 'weft-mark-key', expression: '.Values.webhook.key | b64enc' },
  ca: { text: 'weft-mark-ca', expression: '.Values.webhook.ca | default .Values.webhook.cert | b64enc' },
} as const satisfies Readonly<Record<string, Mark>>;
/** A number that nothing else in the objects is. */
const replicasMark = 987_654_321;

const options: InstallOptions = {
  image: marks.image.text,
  namespace: marks.namespace.text,
  revision: '',
  replicas: replicasMark,
  agents: false,
  cni: null,
  webhook: null,
  monitors: false,
};

/** `version` is that of Weft: chart and program go together. */
export function createChart(version: string): ChartFiles {
  const [plain, revised] = [createParts(''), createParts(marks.revision.text)];
  // Names differ all over: each file has both, whole.
  const encode = (part: (parts: ChartParts) => readonly object[]) =>
    encodeChoice([
      ['.Values.revision', encodeObjects(part(revised))],
      [null, encodeObjects(part(plain))],
    ]);
  const when = (condition: string, text: string) => encodeChoice([[condition, text]]);
  return new Map([
    ['Chart.yaml', encodeChart(version)],
    ['values.yaml', encodeChartValues(version)],
    ['values.schema.json', `${JSON.stringify(createChartSchema(), null, 2)}\n`],
    ['templates/crds.yaml', encodeObjects(plain.definitions.map(keep))],
    ['templates/control.yaml', encode(({ control }) => control)],
    [
      'templates/agents.yaml',
      when(
        '.Values.agents',
        encode(({ agents }) => agents),
      ),
    ],
    [
      'templates/cni.yaml',
      when(
        '.Values.cni.enabled',
        encode(({ cni }) => cni),
      ),
    ],
    [
      'templates/monitors.yaml',
      when(
        '.Values.monitors',
        encode(({ monitors }) => monitors),
      ),
    ],
    [
      'templates/webhook.yaml',
      encodeChoice([
        [
          '.Values.webhook.cert',
          encodeChoice([
            ['.Values.cni.enabled', encode(({ webhook }) => webhook.cni)],
            [null, encode(({ webhook }) => webhook.plain)],
          ]),
        ],
        [
          '.Values.webhook.enabled',
          encodeChoice([
            ['.Values.cni.enabled', encode(({ keptWebhook }) => keptWebhook.cni)],
            [null, encode(({ keptWebhook }) => keptWebhook.plain)],
          ]),
        ],
      ]),
    ],
  ]);
}

/** An installation, and what each of its options adds to it. */
interface ChartParts {
  readonly definitions: readonly KubernetesObject[];
  readonly control: readonly object[];
  readonly agents: readonly object[];
  readonly cni: readonly object[];
  readonly monitors: readonly object[];
  readonly webhook: WebhookParts;
  /** Whose certificate the control plane makes. */
  readonly keptWebhook: WebhookParts;
}

/** Where the CNI plugin is, what is injected is another. */
interface WebhookParts {
  readonly plain: readonly object[];
  readonly cni: readonly object[];
}

function createParts(revision: string): ChartParts {
  const core = createInstallation({ ...options, revision });
  const certificate = { cert: marks.cert.text, key: marks.key.text, ca: marks.ca.text };
  const added = (more: Partial<InstallOptions>) =>
    listAdded(core, createInstallation({ ...options, revision, ...more }));
  const cni = { bin: marks.cniBin.text, config: marks.cniConfig.text };
  const ofPlugin = new Set(added({ cni }).map((object) => JSON.stringify(object)));
  const webhookParts = (webhook: InstallOptions['webhook']): WebhookParts => ({
    plain: added({ webhook }),
    cni: added({ webhook, cni }).filter((object) => !ofPlugin.has(JSON.stringify(object))),
  });
  const { crds = [], rest = [] } = Object.groupBy(core.filter(isCharted), (object) =>
    kindOf(object) === 'CustomResourceDefinition' ? 'crds' : 'rest',
  );
  return {
    definitions: crds,
    control: rest,
    agents: added({ agents: true }),
    cni: added({ cni }),
    monitors: added({ monitors: true }),
    webhook: webhookParts(certificate),
    keptWebhook: webhookParts('kept'),
  };
}

function encodeChart(version: string): string {
  return stringify({
    apiVersion: 'v2',
    name: 'weft',
    description: 'A service mesh: control plane, node agents, sidecars, gateways.',
    type: 'application',
    version,
    appVersion: version,
  });
}

interface KubernetesObject {
  readonly kind?: string;
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
}

function kindOf(object: KubernetesObject): string {
  return object.kind ?? '';
}

/** The namespace is Helm's to make (`--create-namespace`). */
function isCharted(object: object): boolean {
  return kindOf(object) !== 'Namespace';
}

function listAdded(core: readonly object[], all: readonly object[]): readonly object[] {
  const known = new Set(core.map((object) => JSON.stringify(object)));
  return all.filter((object) => isCharted(object) && !known.has(JSON.stringify(object)));
}

/** With a definition all objects of its kind go: a release that is taken away must not take policies along. */
function keep(object: KubernetesObject): object {
  const annotations = { ...object.metadata?.annotations, 'helm.sh/resource-policy': 'keep' };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function encodeObjects(objects: readonly object[]): string {
  const yaml = objects
    .map((object) => stringify(object, { aliasDuplicateObjects: false, lineWidth: 0, version: '1.1' }))
    .join('---\n')
    .replaceAll('{{', '{{ "{{" }}');
  const text = Object.values(marks).reduce(replaceMark, yaml);
  return text.replaceAll(String(replicasMark), '{{ .Values.replicas }}');
}

/** The first whose condition holds; null: always, and last. */
function encodeChoice(cases: readonly (readonly [condition: string | null, text: string])[]): string {
  const parts = cases.map(([condition, text], at) => {
    const word = at === 0 ? 'if ' : condition === null ? 'else' : 'else if ';
    return `{{- ${word}${condition ?? ''} }}\n${text}`;
  });
  return `${parts.join('')}{{- end }}\n`;
}

/** A whole value is quoted, for a namespace `123` is no number; within a longer one it cannot be mistaken. */
function replaceMark(yaml: string, { text, expression }: Mark): string {
  const encoded = Buffer.from(text).toString('base64');
  return [text, encoded].reduce(
    (all, mark) =>
      all
        .replaceAll(new RegExp(`(^\\s*(?:- )?|: )${mark}$`, 'gm'), `$1{{ ${expression} | quote }}`)
        .replaceAll(mark, `{{ ${expression} }}`),
    yaml,
  );
}
