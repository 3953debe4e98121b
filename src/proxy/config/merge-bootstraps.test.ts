// A second document over the first, as protobuf merges messages.

import { describe, expect, test } from 'bun:test';
import { mergeBootstraps } from './merge-bootstraps.ts';

const merged = (base: string, over: string): unknown => {
  const result = mergeBootstraps({ name: 'a', text: base }, { name: 'b', text: over });
  return result.ok ? JSON.parse(result.value) : result.error;
};

describe('two bootstraps', () => {
  test.each<[what: string, base: string, over: string, expected: unknown]>([
    ['fields of both', 'node: { id: a }', 'admin: {}', { node: { id: 'a' }, admin: {} }],
    [
      'messages by field',
      'node: { id: a, cluster: c }',
      'node: { id: b }',
      { node: { id: 'b', cluster: 'c' } },
    ],
    [
      'lists are appended',
      'static_resources: { clusters: [{ name: a }] }',
      '{"static_resources": {"clusters": [{"name": "b"}], "listeners": []}}',
      { static_resources: { clusters: [{ name: 'a' }, { name: 'b' }], listeners: [] } },
    ],
    [
      'both spellings are one field',
      'staticResources: { clusters: [{ name: a }] }',
      'static_resources: { clusters: [{ name: b }] }',
      { static_resources: { clusters: [{ name: 'a' }, { name: 'b' }] } },
    ],
    [
      'an Any is replaced',
      'a: { "@type": t, x: 1 }',
      'a: { "@type": t, y: 2 }',
      { a: { '@type': 't', y: 2 } },
    ],
    [
      'a field of a Struct is replaced',
      'node: { metadata: { k: { a: 1 }, l: 1 } }',
      'node: { metadata: { k: { b: 2 } } }',
      { node: { metadata: { k: { b: 2 }, l: 1 } } },
    ],
    [
      'of alternatives the second holds',
      'dynamic_resources: { lds_config: { ads: {}, resource_api_version: V3 } }',
      'dynamic_resources: { ldsConfig: { pathConfigSource: { path: p } } }',
      {
        dynamic_resources: { lds_config: { resource_api_version: 'V3', path_config_source: { path: 'p' } } },
      },
    ],
    ['null says nothing', 'node: { id: a }', 'node: { id: null }', { node: { id: 'a' } }],
    ['an empty second document', 'node: { id: a }', '', { node: { id: 'a' } }],
  ])('%s', (_, base, over, expected) => {
    expect(merged(base, over)).toEqual(expected);
  });

  test('what cannot be read is said of each document by its name', () => {
    expect(merged('{"', 'a: [')).toMatchObject([
      { object: 'a', rule: expect.stringContaining('is neither YAML nor JSON') },
      { object: 'b', rule: expect.stringContaining('is neither YAML nor JSON') },
    ]);
  });
});
