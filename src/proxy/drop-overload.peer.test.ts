// What drop_overloads and a hash of the source do, by the same configuration in an Envoy and in our proxy.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { socketAddress } from '../testing/envoy.ts';
import { describeWith } from '../testing/programs.ts';
import { BesideEnvoy, type Case, typed } from './testing/beside-envoy.ts';

const origins = ['a', 'b', 'c', 'd'].map((name) => ({
  name,
  server: Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response(name) }),
}));

const assigned = (name: string, fields: object, policy: object = {}): object => ({
  name,
  type: 'STATIC',
  connect_timeout: '1s',
  ...fields,
  load_assignment: {
    cluster_name: name,
    policy,
    endpoints: [
      {
        lb_endpoints: origins.map(({ server }) => ({
          endpoint: { address: socketAddress(server.port ?? 0) },
        })),
      },
    ],
  },
});

const to = (cluster: string) => [{ match: { prefix: '/' }, route: { cluster } }];

const cases: readonly Case[] = [
  { name: 'all are dropped', routes: to('all'), asks: [{ times: 3 }] },
  {
    name: 'the source decides',
    network: [
      {
        name: 'tcp',
        typed_config: typed('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
          stat_prefix: 'case1',
          cluster: 'ring',
          hash_policy: [{ source_ip: {} }],
        }),
      },
    ],
    asks: [{ times: 5 }],
  },
];

describeWith(['envoy'], 'drops and hashes', () => {
  const pair = new BesideEnvoy({
    cases,
    clusters: () => [
      assigned('all', {}, { drop_overloads: [{ category: 'x', drop_percentage: { numerator: 100 } }] }),
      assigned('ring', { lb_policy: 'MAGLEV' }),
    ],
  });

  beforeAll(() => pair.start(), 60_000);
  afterAll(async () => {
    await pair.stop();
    for (const { server } of origins) await server.stop(true);
  });

  for (const [index, { name }] of cases.entries()) {
    test(name, async () => {
      const { envoy, weft } = await pair.play(index);
      expect(weft).toEqual(envoy);
    });
  }
});
