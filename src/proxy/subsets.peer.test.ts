// Subsets, by the same configuration in an Envoy and in our proxy: who answers, and what is counted.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { socketAddress } from '../testing/envoy.ts';
import { describeWith } from '../testing/programs.ts';
import { routesOf, type Side, type Sides, sides, startSides } from './testing/side-by-side.ts';

type Labels = Readonly<Record<string, unknown>>;

interface Member {
  readonly name: string;
  readonly labels?: Labels;
  readonly health?: string;
  readonly priority?: number;
  readonly zone?: string;
}

const members: readonly Member[] = [
  { name: 'one', labels: { version: '1', stage: 'prod' } },
  { name: 'dev', labels: { version: '1', stage: 'dev' } },
  { name: 'two', labels: { version: '2', stage: 'prod' } },
  { name: 'bare' },
  { name: 'both', labels: { version: ['1', '2'], stage: 'test', n: 1.5, deep: { a: [true, null], b: 'x' } } },
  { name: 'sick', labels: { version: '3' }, health: 'UNHEALTHY' },
  { name: 'spare', labels: { version: '3' }, priority: 1 },
  { name: 'second', labels: { id: 'x' }, zone: 'z' },
  { name: 'third', labels: { id: 'x' }, zone: 'z' },
];

interface Case {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Fields of the cluster beside it. */
  readonly cluster?: object;
  /** Labels of a route, and of its cluster's weight. */
  readonly asks: readonly (readonly [route: Labels | null, weight?: Labels])[];
}

const selectors = [{ keys: ['version'] }, { keys: ['version', 'stage'] }];

const cases: readonly Case[] = [
  {
    name: 'plain',
    config: { subset_selectors: selectors },
    asks: [
      [{ version: '1' }],
      [{ version: '2', stage: 'prod' }],
      [{ stage: 'prod' }],
      [{ version: 1 }],
      [{ version: '1', more: 'x' }],
      [{ version: '3' }],
      [{ version: ['1', '2'] }],
      [null],
      [{ version: '1', stage: 'prod' }, { stage: 'dev' }],
      [{ version: '9' }, { version: '2' }],
    ],
  },
  {
    name: 'any',
    config: { subset_selectors: selectors, fallback_policy: 'ANY_ENDPOINT' },
    asks: [[{ version: '9' }], [null], [{ version: '2' }]],
  },
  {
    name: 'default',
    config: {
      subset_selectors: selectors,
      fallback_policy: 'DEFAULT_SUBSET',
      default_subset: { stage: 'prod' },
    },
    asks: [[{ version: '9' }], [null]],
  },
  {
    name: 'panic',
    config: {
      subset_selectors: selectors,
      fallback_policy: 'DEFAULT_SUBSET',
      default_subset: { stage: 'none' },
      panic_mode_any: true,
    },
    asks: [[{ version: '9' }]],
  },
  {
    name: 'lists',
    config: {
      subset_selectors: selectors,
      list_as_any: true,
      fallback_policy: 'DEFAULT_SUBSET',
      default_subset: { version: '2' },
    },
    asks: [[{ version: '1' }], [{ version: '2', stage: 'test' }], [{ version: ['1', '2'] }]],
  },
  {
    name: 'values',
    config: { subset_selectors: [{ keys: ['n'] }, { keys: ['deep'] }] },
    asks: [[{ n: 1.5 }], [{ n: '1.5' }], [{ deep: { b: 'x', a: [true, null] } }], [{ deep: { b: 'x' } }]],
  },
  {
    name: 'selectors',
    config: {
      fallback_policy: 'ANY_ENDPOINT',
      default_subset: { stage: 'dev' },
      subset_selectors: [
        { keys: ['stage'], fallback_policy: 'NO_FALLBACK' },
        { keys: ['version'], fallback_policy: 'DEFAULT_SUBSET' },
        {
          keys: ['version', 'stage'],
          fallback_policy: 'KEYS_SUBSET',
          fallback_keys_subset: ['version'],
        },
        { keys: ['stage', 'n'], fallback_policy: 'KEYS_SUBSET', fallback_keys_subset: ['stage'] },
      ],
    },
    asks: [
      [{ stage: 'none' }],
      [{ version: '9' }],
      [{ version: '2', stage: 'dev' }],
      [{ version: '9', stage: 'dev' }],
      [{ stage: 'prod', n: 9 }],
      [{ stage: 'none', n: 9 }],
      [{ other: 1 }],
    ],
  },
  {
    name: 'single',
    config: {
      subset_selectors: [
        { keys: ['id'], single_host_per_subset: true },
        { keys: ['version'], single_host_per_subset: true },
      ],
    },
    asks: [[{ id: 'x' }], [{ version: '3' }], [{ version: '1' }], [{ id: 'y' }]],
  },
  {
    name: 'fallback-list',
    config: { subset_selectors: selectors, metadata_fallback_policy: 'FALLBACK_LIST' },
    asks: [
      [{ version: '9', fallback_list: [{ version: '8' }, { version: '2' }] }],
      [{ version: '1', fallback_list: [{ stage: 'dev' }, { version: '2' }] }],
      [{ version: '1', fallback_list: [] }],
      [{ version: '1', fallback_list: [{ version: '9' }] }],
    ],
  },
  {
    name: 'ring',
    config: { subset_selectors: selectors, fallback_policy: 'ANY_ENDPOINT' },
    cluster: { lb_policy: 'RING_HASH' },
    asks: [[{ version: '1' }], [{ version: '9' }]],
  },
  {
    name: 'redundant',
    config: { subset_selectors: [...selectors, { keys: ['n'] }], allow_redundant_keys: true },
    asks: [
      [{ version: '1', stage: 'prod', more: 'x' }],
      [{ version: '1', stage: 'nope', more: 'x' }],
      [{ version: '2', more: 'x' }],
      [{ stage: 'prod', more: 'x' }],
    ],
  },
];

const policies = 'type.googleapis.com/envoy.extensions.load_balancing_policies';

/** What the cluster's own message has no field for is said by the extension. */
function balancing({ config, cluster }: Case): object {
  if (!('allow_redundant_keys' in config)) return { lb_subset_config: config, ...cluster };
  const roundRobin = { name: 'r', typed_config: { '@type': `${policies}.round_robin.v3.RoundRobin` } };
  const typed_config = {
    '@type': `${policies}.subset.v3.Subset`,
    ...config,
    subset_lb_policy: { policies: [{ typed_extension_config: roundRobin }] },
  };
  return { load_balancing_policy: { policies: [{ typed_extension_config: { name: 's', typed_config } }] } };
}

function clusterOf(each: Case, ports: ReadonlyMap<string, number>): object {
  const zones = [...new Set(members.map(({ priority = 0, zone = '' }) => `${priority} ${zone}`))];
  return {
    name: each.name,
    type: 'STATIC',
    connect_timeout: '1s',
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
    ...balancing(each),
    load_assignment: {
      cluster_name: each.name,
      endpoints: zones.map((place) => ({
        priority: Number(place.split(' ')[0]),
        locality: { zone: place.split(' ')[1] },
        lb_endpoints: members
          .filter(({ priority = 0, zone = '' }) => `${priority} ${zone}` === place)
          .map(({ name, labels, health = 'HEALTHY' }) => ({
            endpoint: { address: socketAddress(ports.get(name) ?? 0) },
            health_status: health,
            ...(labels === undefined ? {} : { metadata: { filter_metadata: { 'envoy.lb': labels } } }),
          })),
      })),
    },
  };
}

const matchOf = (labels: Labels | null | undefined): object =>
  labels ? { metadata_match: { filter_metadata: { 'envoy.lb': labels } } } : {};

const hashed = { hash_policy: [{ header: { header_name: 'x-key' } }] };

describeWith(['envoy'], 'subsets', () => {
  const origins: Bun.Server<undefined>[] = [];
  let running: Sides;

  beforeAll(async () => {
    const ports = new Map<string, number>();
    for (const { name } of members) {
      const origin = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response(name) });
      origins.push(origin);
      ports.set(name, origin.port ?? 0);
    }
    const routes = cases.flatMap(({ name, asks }) =>
      asks.map(([labels, weight], at) => ({
        match: { path: `/${name}/${at}` },
        route: {
          ...matchOf(labels),
          ...hashed,
          ...(weight === undefined
            ? { cluster: name }
            : { weighted_clusters: { clusters: [{ name, weight: 1, ...matchOf(weight) }] } }),
        },
      })),
    );
    running = await startSides(
      { edge: { route_config: routesOf(...routes) } },
      cases.map((each) => clusterOf(each, ports)),
    );
  }, 60_000);

  afterAll(async () => {
    await running?.stop();
    for (const origin of origins) await origin.stop(true);
  });

  /** Who answered, key by key of the header, or what instead. */
  async function ask(side: Side, path: string): Promise<readonly string[]> {
    const url = `http://127.0.0.1:${running.port(side, 'edge')}${path}`;
    const answers: string[] = [];
    for (let key = 0; key < 40; key++) {
      const answer = await fetch(url, { headers: { 'x-key': `${key}` } });
      answers.push(answer.ok ? await answer.text() : `${answer.status}`);
    }
    return answers;
  }

  /** Envoy counts what there is once for each of its threads, which are two here. */
  async function counts(side: Side, name: string): Promise<readonly string[]> {
    const text = await (await fetch(`http://127.0.0.1:${running.adminPort(side)}/stats/prometheus`)).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith('envoy_cluster_lb_subsets') && line.includes(`"${name}"`))
      .filter((line) => !line.endsWith(' 0') && !line.includes('duplicate'))
      .map((line) =>
        side === 'weft' && /_(active|created)\{/.test(line)
          ? line.replace(/\d+$/, (count) => `${2 * Number(count)}`)
          : line,
      )
      .sort();
  }

  for (const each of cases) {
    const { name, asks } = each;
    test(name, async () => {
      const hashes = each.cluster !== undefined;
      for (const [at, said] of asks.entries()) {
        const [envoy, weft] = await Promise.all(sides.map((side) => ask(side, `/${name}/${at}`)));
        const told = (answers: readonly string[] = []) => (hashes ? answers : [...new Set(answers)].sort());
        expect([said, told(weft)]).toEqual([said, told(envoy)]);
      }
      expect(await counts('weft', name)).toEqual(await counts('envoy', name));
    }, 60_000);
  }
});
