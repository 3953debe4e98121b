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
  cert: { text: 'weft-mark-cert', expression: '.Values.webhook.cert | b64enc' },
  key: { text: 'weft-mark-key', expression: '.Values.webhook.key | b64enc' },
  ca: { text: 'weft-mark-ca', expression: '.Values.webhook.ca | default .Values.webhook.cert | b64enc' },
} as const satisfies Readonly<Record<string, Mark>>;
/** A number that nothing else in the objects is. */
const replicasMark = 987_654_321;

const options: InstallOptions = {
  image: marks.image.text,
  namespace: marks.namespace.text,
  replicas: replicasMark,
  agents: false,
  webhook: null,
  monitors: false,
};

/** `version` is that of Weft: chart and program go together. */
export function createChart(version: string): ChartFiles {
  const core = createInstallation(options);
  const certificate = { cert: marks.cert.text, key: marks.key.text, ca: marks.ca.text };
  const agents = listAdded(core, createInstallation({ ...options, agents: true }));
  const monitors = listAdded(core, createInstallation({ ...options, monitors: true }));
  const webhook = listAdded(core, createInstallation({ ...options, webhook: certificate }));
  const { crds = [], rest = [] } = Object.groupBy(core.filter(isCharted), (object) =>
    kindOf(object) === 'CustomResourceDefinition' ? 'crds' : 'rest',
  );
  return new Map([
    ['Chart.yaml', encodeChart(version)],
    ['values.yaml', encodeChartValues(version)],
    ['values.schema.json', `${JSON.stringify(createChartSchema(), null, 2)}\n`],
    ['templates/crds.yaml', encodeTemplate(crds.map(keep))],
    ['templates/control.yaml', encodeTemplate(rest)],
    ['templates/agents.yaml', encodeTemplate(agents, '.Values.agents')],
    ['templates/monitors.yaml', encodeTemplate(monitors, '.Values.monitors')],
    ['templates/webhook.yaml', encodeTemplate(webhook, '.Values.webhook.cert')],
  ]);
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

function encodeTemplate(objects: readonly object[], condition?: string): string {
  const yaml = objects
    .map((object) => stringify(object, { aliasDuplicateObjects: false, lineWidth: 0, version: '1.1' }))
    .join('---\n')
    .replaceAll('{{', '{{ "{{" }}');
  const text = Object.values(marks).reduce(replaceMark, yaml);
  const replaced = text.replaceAll(String(replicasMark), '{{ .Values.replicas }}');
  return condition === undefined ? replaced : `{{- if ${condition} }}\n${replaced}{{- end }}\n`;
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
