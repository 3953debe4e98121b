// Weft's own kinds as CustomResourceDefinitions, made from the schemas that the code validates with, so that an API
// server refuses what the control plane would. Structural OpenAPI as Kubernetes wants it: no unions, no `never`; what
// plain types cannot say is said in CEL.

import { z } from 'zod';
import { weftGroup } from './resources.ts';
import { servicePolicySpec } from './service-policy.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

/** Fields whose absence has a meaning of its own, so that no default may be written into the object. */
const withoutDefault: ReadonlySet<string> = new Set(['timeouts.request', 'retry.on']);

interface Rule {
  readonly rule: string;
  readonly message: string;
}

/** By path: what holds between fields. */
const rules: ReadonlyMap<string, readonly Rule[]> = new Map([
  [
    'timeouts',
    [
      {
        rule: "!has(self.request) || !has(self.attempt) || duration(self.request) == duration('0s') || duration(self.attempt) <= duration(self.request)",
        message: 'attempt must not be longer than request',
      },
    ],
  ],
  [
    'retry',
    [
      {
        // CEL writes names that are its own words like this.
        rule: '!has(self.on) || !has(self.__true__)',
        message:
          'true must not stand beside on: it is what readers of YAML 1.1 make of the same key without quotes',
      },
    ],
  ],
  [
    'objective.window',
    [
      {
        // CEL knows no days.
        rule: "self.matches('[1-9][0-9]{0,4}d') || (!self.contains('d') && duration(self) >= duration('1m'))",
        message: 'must be 1m or more',
      },
    ],
  ],
  [
    'retry.backoff',
    [
      {
        rule: '!has(self.base) || !has(self.max) || duration(self.base) <= duration(self.max)',
        message: 'base must not be longer than max',
      },
    ],
  ],
]);

/** Kept as they are; everything else of JSON Schema is either translated or not of use to an API server. */
const plainKeys = [
  'description',
  'type',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minimum',
  'maximum',
  'default',
];

/** Longest duration that its grammar allows: four numbers of five digits, each with a unit. */
const durationCharsMax = 28;

export function structuralSchema(schema: JsonSchema, path = ''): JsonSchema {
  const out: Record<string, unknown> = {};
  for (const key of plainKeys) if (schema[key] !== undefined) out[key] = schema[key];
  if (schema['type'] === 'object' || withoutDefault.has(path)) delete out['default'];
  if (schema['const'] !== undefined) out['enum'] = [schema['const']];
  for (const [key, bound, exclusive] of [
    ['exclusiveMinimum', 'minimum', 'exclusiveMinimum'],
    ['exclusiveMaximum', 'maximum', 'exclusiveMaximum'],
  ] as const)
    if (schema[key] !== undefined) Object.assign(out, { [bound]: schema[key], [exclusive]: true });
  const properties = Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>);
  const known = properties.filter(([, value]) => value['not'] === undefined);
  if (known.length > 0) {
    const named = known.map(([name, value]) => [
      name,
      structuralSchema(value, path === '' ? name : `${path}.${name}`),
    ]);
    out['properties'] = Object.fromEntries(named);
  }
  const required = (schema['required'] ?? []) as readonly string[];
  if (required.length > 0) out['required'] = required;
  if (schema['items'] !== undefined)
    out['items'] = structuralSchema(schema['items'] as JsonSchema, `${path}[]`);
  const validations = [...(rules.get(path) ?? []), ...durationRules(schema)];
  if (validations.length > 0) out['x-kubernetes-validations'] = validations;
  if (schema['minMs'] !== undefined) out['maxLength'] = durationCharsMax;
  return out;
}

function durationRules({ minMs, maxMs }: JsonSchema): readonly Rule[] {
  if (minMs === undefined) return [];
  const rule = `duration(self) >= duration('${minMs}ms') && duration(self) <= duration('${maxMs}ms')`;
  return [{ rule, message: `must be ${minMs}ms to ${maxMs}ms` }];
}

const conditions = {
  type: 'array',
  maxItems: 8,
  items: {
    type: 'object',
    required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'],
    properties: {
      type: { type: 'string' },
      status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
      reason: { type: 'string' },
      message: { type: 'string', maxLength: 32_768 },
      lastTransitionTime: { type: 'string', format: 'date-time' },
      observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
    },
  },
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
};

/** PolicyStatus of Gateway API (GEP-713): what each target makes of the policy. */
const policyStatus = {
  type: 'object',
  properties: {
    ancestors: {
      type: 'array',
      maxItems: 16,
      items: {
        type: 'object',
        required: ['ancestorRef', 'controllerName'],
        properties: {
          ancestorRef: {
            type: 'object',
            required: ['name'],
            properties: {
              group: { type: 'string' },
              kind: { type: 'string' },
              namespace: { type: 'string' },
              name: { type: 'string' },
              sectionName: { type: 'string' },
            },
          },
          controllerName: { type: 'string' },
          conditions,
        },
      },
      'x-kubernetes-list-type': 'atomic',
    },
  },
};

/** As plain data, for a file or for an API server. */
export function customResourceDefinitions(): readonly JsonSchema[] {
  const spec = z.toJSONSchema(servicePolicySpec, { io: 'input', unrepresentable: 'any' });
  return [
    {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: {
        name: `servicepolicies.${weftGroup}`,
        labels: { 'gateway.networking.k8s.io/policy': 'Direct' },
      },
      spec: {
        group: weftGroup,
        scope: 'Namespaced',
        names: {
          kind: 'ServicePolicy',
          listKind: 'ServicePolicyList',
          plural: 'servicepolicies',
          singular: 'servicepolicy',
          shortNames: ['svcpol'],
          categories: ['weft'],
        },
        versions: [
          {
            name: 'v1alpha1',
            served: true,
            storage: true,
            subresources: { status: {} },
            additionalPrinterColumns: [
              { name: 'Targets', type: 'string', jsonPath: '.spec.targetRefs[*].name' },
              {
                name: 'Accepted',
                type: 'string',
                jsonPath: '.status.ancestors[*].conditions[?(@.type=="Accepted")].status',
              },
              { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
            ],
            schema: {
              openAPIV3Schema: {
                type: 'object',
                description:
                  'How a Service wants to be called: timeouts, retries, limits, ejection, balancing.',
                required: ['spec'],
                properties: {
                  apiVersion: { type: 'string' },
                  kind: { type: 'string' },
                  metadata: { type: 'object' },
                  spec: structuralSchema(spec as JsonSchema),
                  status: policyStatus,
                },
              },
            },
          },
        ],
      },
    },
  ];
}
