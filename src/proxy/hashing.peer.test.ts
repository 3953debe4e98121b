// Options of the tables of consistent hashing, by the same configuration in an Envoy and in our proxy: which endpoint
// each key has, and where keys go that theirs has no room for.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { socketAddress } from '../testing/envoy.ts';
import { describeWith } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { typed } from './testing/beside-envoy.ts';
import { routesOf, type Side, type Sides, sides, startSides } from './testing/side-by-side.ts';

const policies = 'envoy.extensions.load_balancing_policies';
const policy = (type: string, fields: object): object => ({
  load_balancing_policy: {
    policies: [{ typed_extension_config: { name: 'p', typed_config: typed(`${policies}.${type}`, fields) } }],
  },
});
const common = (fields: object): object => ({ common_lb_config: { consistent_hashing_lb_config: fields } });

const cases: readonly (readonly [name: string, cluster: object, labelled?: boolean])[] = [
  ['ring-by-name', { lb_policy: 'RING_HASH', ...common({ use_hostname_for_hashing: true }) }],
  ['maglev-by-name', { lb_policy: 'MAGLEV', ...common({ use_hostname_for_hashing: true }) }],
  ['ring-by-label', { lb_policy: 'RING_HASH' }, true],
  ['maglev-by-label', { lb_policy: 'MAGLEV' }, true],
  ['ring-bounded', { lb_policy: 'RING_HASH', ...common({ hash_balance_factor: 100 }) }],
  ['maglev-bounded', { lb_policy: 'MAGLEV', ...common({ hash_balance_factor: 130 }) }],
  [
    'typed-ring',
    policy('ring_hash.v3.RingHash', { hash_balance_factor: 110, use_hostname_for_hashing: true }),
  ],
  [
    'typed-maglev',
    policy('maglev.v3.Maglev', { consistent_hashing_lb_config: { hash_balance_factor: 120 } }),
  ],
];

describeWith(['envoy'], 'tables', () => {
  const origins: Bun.Server<undefined>[] = [];
  /** Answers that are held back. */
  const held: (() => void)[] = [];
  let running: Sides;

  beforeAll(async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      const fetch = async (request: Request) => {
        if (request.headers.has('x-hold')) await new Promise<void>((resolve) => held.push(resolve));
        return new Response(name);
      };
      origins.push(Bun.serve({ hostname: '127.0.0.1', port: 0, fetch }));
    }
    const clusters = cases.map(([name, fields, labelled = false]) => ({
      name,
      type: name.endsWith('by-name') ? 'STRICT_DNS' : 'STATIC',
      connect_timeout: '1s',
      ...fields,
      load_assignment: {
        cluster_name: name,
        endpoints: [
          {
            lb_endpoints: origins.map(({ port }, index) => ({
              endpoint: { address: socketAddress(port ?? 0), hostname: `host-${index}` },
              load_balancing_weight: 1 + (index % 2),
              ...(labelled
                ? { metadata: { filter_metadata: { 'envoy.lb': { hash_key: `label-${index}` } } } }
                : {}),
            })),
          },
        ],
      },
    }));
    const routes = cases.map(([name]) => ({
      match: { path: `/${name}` },
      route: { cluster: name, hash_policy: [{ header: { header_name: 'x-key' } }] },
    }));
    running = await startSides({ edge: { route_config: routesOf(...routes) } }, clusters);
  }, 60_000);

  afterAll(async () => {
    for (const release of held) release();
    await running?.stop();
    for (const origin of origins) await origin.stop(true);
  });

  const ask = (side: Side, name: string, key: number, hold = false) =>
    fetch(`http://127.0.0.1:${running.port(side, 'edge')}/${name}`, {
      headers: { 'x-key': `key-${key}`, ...(hold ? { 'x-hold': 'yes' } : {}) },
    });

  for (const [name] of cases) {
    test(name, async () => {
      const told: string[][] = [];
      for (const side of sides) {
        const answers: string[] = [];
        for (let key = 0; key < 60; key++) answers.push(await (await ask(side, name, key)).text());
        // One key that does not end: its endpoint fills, and it goes on.
        const before = held.length;
        const waiting: Promise<Response>[] = [];
        for (let request = 0; request < 16; request++) {
          waiting.push(ask(side, name, 7, true));
          await until('held', () => held.length === before + request + 1);
        }
        for (const release of held.splice(0)) release();
        for (const answer of await Promise.all(waiting)) answers.push(await answer.text());
        told.push(answers);
      }
      expect(told[1]).toEqual(told[0]!);
    }, 30_000);
  }
});
