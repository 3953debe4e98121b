import { describe, expect, test } from 'bun:test';
import { compileCriteria } from '../../../policy/index.ts';
import { cluster, decodeJson, Faults, routeConfiguration, tcpProxy } from '../schema/index.ts';
import { translateCluster } from './cluster.ts';
import { translateRouteConfig } from './route-config.ts';
import { translateTcpProxy } from './tcp-proxy.ts';

function translate(fields: object) {
  const faults = new Faults('c');
  const { config } = translateCluster(decodeJson(cluster, { name: 'c', ...fields }, '', faults), '', faults);
  return { config, faults: faults.issues.map(({ field, rule }) => `${field}: ${rule}`) };
}

const divided = (selectors: readonly object[], fields: object = {}) => ({
  lb_subset_config: { subset_selectors: selectors, ...fields },
});
const typed = (name: string, fields: object = {}) => ({
  typed_extension_config: {
    name,
    typed_config: {
      '@type': `type.googleapis.com/envoy.extensions.load_balancing_policies.${name}`,
      ...fields,
    },
  },
});

test('without selectors nothing is divided', () => {
  expect(translate(divided([], { fallback_policy: 'ANY_ENDPOINT' })).config.subsets).toBeUndefined();
});

test('keys are sorted, and of two selectors with the same the first holds', () => {
  const selectors = [{ keys: ['b', 'a', 'b'], fallback_policy: 'ANY_ENDPOINT' }, { keys: ['a', 'b'] }, {}];
  expect(translate(divided(selectors)).config.subsets?.selectors).toEqual([
    { keys: ['a', 'b'], singleHost: false, fallback: 'any', fallbackKeys: [] },
  ]);
});

test('the extension says the same, and which policy is within', () => {
  const inner = typed('ring_hash.v3.RingHash', { minimum_ring_size: 7 });
  const policy = typed('subset.v3.Subset', {
    subset_selectors: [{ keys: ['a'] }, { keys: ['a', 'b'] }],
    allow_redundant_keys: true,
    fallback_policy: 'DEFAULT_SUBSET',
    default_subset: { a: 1 },
    subset_lb_policy: { policies: [typed('unknown.v3.Unknown'), inner] },
  });
  const { config, faults } = translate({ load_balancing_policy: { policies: [policy] } });
  expect(faults).toEqual([]);
  expect(config.balance).toMatchObject({ kind: 'ring-hash', sizeMin: 7 });
  expect(config.subsets).toMatchObject({ redundantKeys: true, fallback: 'default', defaultSubset: { a: 1 } });
  expect(config.subsets?.selectors.map(({ keys }) => keys)).toEqual([['a', 'b'], ['a']]);
});

describe('refused are', () => {
  const keys = (said: object) => divided([{ keys: ['a', 'b'], fallback_policy: 'KEYS_SUBSET', ...said }]);
  const at = 'lb_subset_config.subset_selectors[0].fallback_keys_subset';
  const cases: readonly (readonly [string, object, string])[] = [
    ['no keys to fall back to', keys({}), `${at}: must not be empty with fallback_policy KEYS_SUBSET`],
    ['others', keys({ fallback_keys_subset: ['c'] }), `${at}: must be some of the keys, not all`],
    ['all of them', keys({ fallback_keys_subset: ['b', 'a'] }), `${at}: must be some of the keys, not all`],
    [
      'keys for nothing',
      divided([{ keys: ['a'], fallback_keys_subset: ['a'] }]),
      `${at}: needs fallback_policy KEYS_SUBSET`,
    ],
    [
      'both ways to say it',
      { ...divided([{ keys: ['a'] }]), load_balancing_policy: { policies: [typed('random.v3.Random')] } },
      'lb_subset_config: must not be set with load_balancing_policy',
    ],
    [
      'subsets of where clients were going',
      { ...divided([{ keys: ['a'] }]), type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED' },
      'lb_subset_config: must not be set with lb_policy CLUSTER_PROVIDED',
    ],
    [
      'the extension without a policy within',
      { load_balancing_policy: { policies: [typed('subset.v3.Subset')] } },
      'load_balancing_policy.policies[0].typed_extension_config.typed_config.subset_lb_policy: must be set',
    ],
  ];
  for (const [name, fields, expected] of cases) {
    test(name, () => expect(translate(fields).faults).toContain(expected));
  }
});

const match = (labels: object) => ({ metadata_match: { filter_metadata: { 'envoy.lb': labels } } });

test('what a cluster’s weight says wins over its route, name by name', () => {
  const faults = new Faults('r');
  const weighted_clusters = {
    clusters: [
      { name: 'a', weight: 1 },
      { name: 'b', weight: 1, ...match({ version: '2', more: true }) },
    ],
  };
  const action = { weighted_clusters, ...match({ version: '1', stage: 'prod' }) };
  const routes = [{ match: { prefix: '/' }, route: action }];
  const json = { virtual_hosts: [{ name: 'v', domains: ['*'], routes }] };
  const config = translateRouteConfig(decodeJson(routeConfiguration, json, '', faults), 'r', '', faults);
  const found = config.virtualHosts[0]?.routes[0]?.action;
  const keys = found?.kind === 'forward' ? found.clusters.map(({ criteria }) => criteria?.key) : [];
  const wanted = [
    { version: '1', stage: 'prod' },
    { version: '2', stage: 'prod', more: true },
  ];
  expect(keys).toEqual(wanted.map((labels) => compileCriteria(labels).key));
});

test('a hash of connections is that of their source', () => {
  const faults = new Faults('t');
  const read = (hash_policy: readonly object[]) =>
    translateTcpProxy(
      decodeJson(tcpProxy, { stat_prefix: 't', cluster: 'a', hash_policy }, '', faults),
      '',
      faults,
    );
  expect(read([{ source_ip: {} }]).hashesSource).toBe(true);
  expect(read([]).hashesSource).toBeUndefined();
  read([{}]);
  read([{ source_ip: {} }, { source_ip: {} }]);
  read([{ filter_state: { key: 'x' } }]);
  expect(faults.issues.map(({ field, rule }) => `${field}: ${rule}`)).toEqual([
    'hash_policy[0]: one of source_ip must be set',
    'hash_policy: must be one at most',
    'hash_policy[0].filter_state: is not supported by Weft (docs/envoy-compat.md)',
    'hash_policy[0]: one of source_ip must be set',
  ]);
});

test('and so it is for connections', () => {
  const faults = new Faults('t');
  const weighted_clusters = {
    clusters: [
      { name: 'a', weight: 1 },
      { name: 'b', weight: 1, ...match({ version: '2' }) },
    ],
  };
  const json = { stat_prefix: 't', weighted_clusters, ...match({ version: '1' }) };
  const { clusters } = translateTcpProxy(decodeJson(tcpProxy, json, '', faults), '', faults);
  expect(clusters.map(({ criteria }) => criteria?.labels)).toEqual([{ version: '1' }, { version: '2' }]);
});
