import { expect, test } from 'bun:test';
import { customResourceDefinitions } from './custom-resources.ts';
import { structuralSchema } from './structural-schema.ts';

/** Every schema node below one. */
function* nodes(schema: unknown, path: string): Generator<readonly [string, Record<string, unknown>]> {
  if (typeof schema !== 'object' || schema === null) return;
  const node = schema as Record<string, unknown>;
  yield [path, node];
  for (const [name, value] of Object.entries((node['properties'] ?? {}) as object))
    yield* nodes(value, `${path}.${name}`);
  yield* nodes(node['items'], `${path}[]`);
}

const all = customResourceDefinitions().flatMap((one) => {
  const { names, versions } = one['spec'] as {
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: unknown } }[];
  };
  return versions.flatMap(({ schema }) => [...nodes(schema.openAPIV3Schema, names.kind)]);
});

test.each(all)('%s is structural', (_, node) => {
  if (node['x-kubernetes-int-or-string'] !== true) expect(typeof node['type']).toBe('string');
  for (const key of ['not', 'anyOf', 'oneOf', 'allOf', 'additionalProperties', '$ref', 'const'])
    expect(node).not.toHaveProperty(key);
});

test('what is not supported yet is no field, and what absence means is no default', () => {
  const paths = new Map(all);
  expect(paths.has('ServicePolicy.spec.rateLimit')).toBe(false);
  expect(paths.get('ServicePolicy.spec.timeouts.request')).not.toHaveProperty('default');
  expect(paths.get('ServicePolicy.spec.timeouts')).not.toHaveProperty('default');
  expect(paths.get('ServicePolicy.spec.timeouts.connect')).toMatchObject({
    default: '1s',
    'x-kubernetes-validations': [
      { rule: "duration(self) >= duration('1ms') && duration(self) <= duration('60000ms')" },
    ],
  });
});

const plain = { rules: new Map(), withoutDefault: new Set<string>() };

test('an exclusive bound is a flag beside the bound, as in OpenAPI 3.0', () => {
  expect(structuralSchema({ type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 100 }, plain)).toEqual({
    type: 'number',
    minimum: 0,
    exclusiveMinimum: true,
    maximum: 100,
    exclusiveMaximum: true,
  });
});
