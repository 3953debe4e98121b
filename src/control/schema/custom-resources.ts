// Weft's own kinds as CustomResourceDefinitions, made from the schemas that the code validates with, so that an API
// server refuses what the control plane would.

import { z } from 'zod';
import { type OwnKind, ownKinds } from './own-kinds.ts';
import { weftGroup } from './resources.ts';
import { type JsonSchema, structuralSchema } from './structural-schema.ts';

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
  return ownKinds.map(defineKind);
}

function defineKind(own: OwnKind): JsonSchema {
  const { kind, plural, shortName } = own;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${weftGroup}`,
      labels: { 'gateway.networking.k8s.io/policy': 'Direct' },
    },
    spec: {
      group: weftGroup,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: [shortName],
        categories: ['weft'],
      },
      versions: [defineVersion(own)],
    },
  };
}

function defineVersion({ columns, description, spec, dialect }: OwnKind): JsonSchema {
  const shown = [
    ['Targets', '.spec.targetRefs[*].name'],
    ...columns,
    ['Accepted', '.status.ancestors[*].conditions[?(@.type=="Accepted")].status'],
  ];
  return {
    name: 'v1alpha1',
    served: true,
    storage: true,
    subresources: { status: {} },
    additionalPrinterColumns: [
      ...shown.map(([name, jsonPath]) => ({ name, type: 'string', jsonPath })),
      { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    ],
    schema: {
      openAPIV3Schema: {
        type: 'object',
        description,
        required: ['spec'],
        properties: {
          apiVersion: { type: 'string' },
          kind: { type: 'string' },
          metadata: { type: 'object' },
          spec: structuralSchema(
            z.toJSONSchema(spec, { io: 'input', unrepresentable: 'any' }) as JsonSchema,
            dialect,
          ),
          status: policyStatus,
        },
      },
    },
  };
}
