// The values of the Helm chart: one table, from which values.yaml with its comments and the JSON schema are made.

import { stringify } from 'yaml';
import { cniFolders } from './install-cni.ts';
import { installReplicasMax } from './limits.ts';
import { revisionCharsMax } from './revision.ts';

interface ChartValue {
  readonly name: string;
  readonly doc: string;
  readonly standard: unknown;
  readonly schema: Readonly<Record<string, unknown>>;
}

const pem = (description: string) => ({
  type: 'string',
  description,
  pattern: '^$|-----BEGIN ',
});

const cniValue: ChartValue = {
  name: 'cni',
  doc: 'A CNI plugin on every node too, by which injected pods need no rights, in one release at most; its namespace must then allow Pod Security "privileged". The folders are those of the nodes.',
  standard: { enabled: false, binDir: cniFolders.bin, configDir: cniFolders.config },
  schema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      enabled: { type: 'boolean', description: 'Whether it is there.' },
      binDir: {
        type: 'string',
        pattern: '^/',
        description: 'Where the container runtime finds plugins.',
      },
      configDir: { type: 'string', pattern: '^/', description: 'Where it finds its networks.' },
    },
  },
};

function listValues(version: string): readonly ChartValue[] {
  return [
    {
      name: 'image',
      doc: 'Image of Weft, for the control plane and every proxy that it starts.',
      standard: `weft:${version}`,
      schema: { type: 'string', minLength: 1 },
    },
    {
      name: 'replicas',
      doc: 'Replicas of the control plane.',
      standard: 2,
      schema: { type: 'integer', minimum: 1, maximum: installReplicasMax },
    },
    {
      name: 'revision',
      doc: 'Of several control planes side by side, for namespaces with the label weft.dev/rev of this value; empty: the one without.',
      standard: '',
      schema: { type: 'string', maxLength: revisionCharsMax, pattern: '^$|^[a-z0-9]([a-z0-9-]*[a-z0-9])?$' },
    },
    {
      name: 'agents',
      doc: 'A proxy on every node too, in one release at most.',
      standard: false,
      schema: { type: 'boolean' },
    },
    cniValue,
    {
      name: 'monitors',
      doc: 'PodMonitors for the Prometheus operator, whose definitions must be there.',
      standard: false,
      schema: { type: 'boolean' },
    },
    {
      name: 'webhook',
      doc: 'Inject pods of namespaces with the label weft.dev/inject=enabled, or with that of the revision. With cert empty the control plane makes the certificate.',
      standard: { enabled: false, cert: '', key: '', ca: '' },
      schema: {
        type: 'object',
        additionalProperties: false,
        properties: {
          enabled: { type: 'boolean', description: 'Whether pods are injected; cert alone says so too.' },
          cert: pem('Certificate of weft-inject[-REVISION].NAMESPACE.svc, PEM.'),
          key: pem('Its key, PEM.'),
          ca: pem('Who signed it, PEM; empty: itself.'),
        },
        // A certificate comes with its key.
        anyOf: [
          { properties: { cert: { maxLength: 0 } } },
          { properties: { key: { minLength: 1 } }, required: ['key'] },
        ],
      },
    },
  ];
}

export function encodeChartValues(version: string): string {
  return listValues(version)
    .map(({ name, doc, standard }) => `# ${doc}\n${stringify({ [name]: standard })}`)
    .join('\n');
}

/** Helm refuses values that do not fit, and names that are not here. */
export function createChartSchema(): object {
  const values = listValues('0');
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(
      // Helm itself sets `global` for every chart.
      [...values.map(({ name, doc, schema }) => [name, { ...schema, description: doc }]), ['global', {}]],
    ),
  };
}
