import { expect, test } from 'bun:test';
import { cluster, decodeJson, Faults } from '../schema/index.ts';
import { translateCluster } from './cluster.ts';

const policies = 'type.googleapis.com/envoy.extensions.load_balancing_policies';
const within = (type: string, fields: object = {}) => ({
  typed_extension_config: { typed_config: { '@type': `${policies}.${type}`, ...fields } },
});

function translate(fields: object, common: object = {}) {
  const faults = new Faults('c');
  const policy = within('override_host.v3.OverrideHost', fields);
  const json = { name: 'c', load_balancing_policy: { policies: [policy] }, common_lb_config: common };
  const { config } = translateCluster(decodeJson(cluster, json, '', faults), '', faults);
  return {
    config,
    faults: faults.issues.map(({ field, rule }) => `${field.split('typed_config.')[1]}: ${rule}`),
  };
}

const fallback_policy = { policies: [within('random.v3.Random')] };
const key = { key: 'envoy.lb', path: [{ key: 'a' }, { key: 'b' }] };

test('sources, what is told, and the policy within', () => {
  const sources = [{ header: 'X-Host' }, { metadata: key }];
  const said = { override_host_sources: sources, selected_host_key: key, fallback_policy };
  const { config, faults } = translate(said, { override_host_status: { statuses: ['DRAINING'] } });
  expect(faults).toEqual([]);
  expect(config).toMatchObject({
    balance: { kind: 'random' },
    wantedStatuses: ['DRAINING'],
    overrideHosts: {
      sources: [
        { kind: 'header', name: 'x-host' },
        { kind: 'metadata', key: 'envoy.lb', path: ['a', 'b'] },
      ],
      selected: { key: 'envoy.lb', path: ['a', 'b'] },
    },
  });
});

const cases: readonly (readonly [string, object, string])[] = [
  ['no source', { fallback_policy }, 'override_host_sources: must not be empty'],
  [
    'a source of nothing',
    { override_host_sources: [{}], fallback_policy },
    'override_host_sources[0]: must be one of header, metadata',
  ],
  [
    'a source of both',
    { override_host_sources: [{ header: 'a', metadata: key }], fallback_policy },
    'override_host_sources[0]: must be one of header, metadata',
  ],
  [
    'a key without a path',
    { override_host_sources: [{ metadata: { key: 'a' } }], fallback_policy },
    'override_host_sources[0].metadata.path: must not be empty',
  ],
  ['no policy within', { override_host_sources: [{ header: 'a' }] }, 'fallback_policy: must be set'],
];
for (const [name, fields, expected] of cases)
  test(`refused is ${name}`, () => expect(translate(fields).faults).toContain(expected));
