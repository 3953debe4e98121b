// The same configuration in an Envoy and in our proxy: which endpoint answers for a key, and what a client without its
// cookie is given.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { type Envoy, socketAddress, startEnvoy } from '../../testing/envoy.ts';
import { describeWith, freePort } from '../../testing/programs.ts';
import { bootstrapSnapshot } from '../testing/configs.ts';
import { RealWorld } from '../testing/real.ts';

const policies = {
  header: [{ header: { header_name: 'x-key' } }],
  rewritten: [
    {
      header: {
        header_name: 'x-key',
        regex_rewrite: { pattern: { regex: '^key-(\\d+)-.*$' }, substitution: 'of \\1' },
      },
    },
  ],
  query: [{ query_parameter: { name: 'key' } }],
  cookie: [{ cookie: { name: 'session', ttl: '60s', path: '/' } }],
  source: [{ connection_properties: { source_ip: true } }],
  both: [{ header: { header_name: 'x-key' } }, { query_parameter: { name: 'key' } }],
  terminal: [{ header: { header_name: 'x-key' }, terminal: true }, { query_parameter: { name: 'key' } }],
};

const balancing = {
  ring: { lb_policy: 'RING_HASH' },
  'small-ring': {
    lb_policy: 'RING_HASH',
    ring_hash_lb_config: { minimum_ring_size: 7, maximum_ring_size: 50 },
  },
  maglev: { lb_policy: 'MAGLEV' },
  'small-maglev': { lb_policy: 'MAGLEV', maglev_lb_config: { table_size: 101 } },
};

function bootstrap(port: number, origins: readonly number[]) {
  const routes = Object.entries(balancing).flatMap(([cluster]) =>
    Object.entries(policies).map(([name, hash]) => ({
      match: { path_separated_prefix: `/${cluster}/${name}` },
      route: { cluster, hash_policy: hash },
    })),
  );
  return {
    static_resources: {
      listeners: [
        {
          name: 'edge',
          address: socketAddress(port),
          filter_chains: [
            {
              filters: [
                {
                  name: 'envoy.filters.network.http_connection_manager',
                  typed_config: {
                    '@type':
                      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
                    stat_prefix: 'edge',
                    route_config: {
                      name: 'edge',
                      validate_clusters: false,
                      virtual_hosts: [{ name: 'all', domains: ['*'], routes }],
                    },
                    http_filters: [
                      {
                        name: 'envoy.filters.http.router',
                        typed_config: {
                          '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
                        },
                      },
                    ],
                  },
                },
              ],
            },
          ],
        },
      ],
      clusters: Object.entries(balancing).map(([name, balance]) => ({
        name,
        type: 'STATIC',
        connect_timeout: '1s',
        ...balance,
        load_assignment: {
          cluster_name: name,
          endpoints: [
            {
              lb_endpoints: origins.map((origin, index) => ({
                endpoint: { address: socketAddress(origin) },
                load_balancing_weight: index + 1,
              })),
            },
          ],
        },
      })),
    },
  };
}

describeWith(['envoy'], 'consistent hashing', () => {
  const world = new RealWorld();
  const envoyPort = freePort();
  const ownPort = freePort();
  let envoy: Envoy;

  beforeAll(async () => {
    const origins = Array.from({ length: 5 }, () =>
      world.origin((connection) => {
        connection.reply(200, String(connection.origin.port));
      }),
    );
    const ports = origins.map(({ port }) => port);
    envoy = await startEnvoy(bootstrap(envoyPort, ports));
    world.plane.apply(bootstrapSnapshot(bootstrap(ownPort, ports)));
  }, 60_000);

  afterAll(async () => {
    await world.stop();
    await envoy?.stop();
  });

  /** The origin's port, and the attributes of the cookie that came with it. */
  async function ask(port: number, path: string, headers: Readonly<Record<string, string>>): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
    const cookie = answer.headers.get('set-cookie')?.replace(/"[0-9a-f]+"/, '"…"') ?? '';
    return `${await answer.text()} ${cookie}`;
  }

  const keys = Array.from({ length: 60 }, (_, index) => `key-${index}-${'x'.repeat(index)}`);
  for (const cluster of Object.keys(balancing)) {
    test(`${cluster}: both choose alike for every key`, async () => {
      const [ours, theirs]: [string[], string[]] = [[], []];
      for (const key of keys) {
        const asked: readonly (readonly [string, Record<string, string>])[] = [
          [`/${cluster}/header`, { 'x-key': key }],
          [`/${cluster}/rewritten`, { 'x-key': key }],
          [`/${cluster}/query?other=1&key=${key}`, {}],
          [`/${cluster}/cookie`, { cookie: `first=1; session=${key}; last="2"` }],
          [`/${cluster}/both?key=a${key}`, { 'x-key': key }],
          [`/${cluster}/both?key=${key}`, { 'x-key': key }],
          [`/${cluster}/terminal?key=a${key}`, { 'x-key': key }],
        ];
        for (const [path, headers] of asked) {
          ours.push(`${path} ${await ask(ownPort, path, headers)}`);
          theirs.push(`${path} ${await ask(envoyPort, path, headers)}`);
        }
      }
      expect(ours).toEqual(theirs);
      expect(new Set(ours.map((line) => line.split(' ')[1])).size).toBeGreaterThan(3);
    }, 60_000);

    test(`${cluster}: the source address is one key, as a proxy before named it`, async () => {
      const [ours, theirs]: [string[], string[]] = [[], []];
      for (const forwarded of ['', ...keys.slice(0, 20).map((_, at) => `10.0.0.9, 10.0.${at}.1`)]) {
        const headers: Record<string, string> = forwarded === '' ? {} : { 'x-forwarded-for': forwarded };
        ours.push(await ask(ownPort, `/${cluster}/source`, headers));
        theirs.push(await ask(envoyPort, `/${cluster}/source`, headers));
      }
      expect(ours).toEqual(theirs);
      expect(new Set(ours).size).toBeGreaterThan(2);
    });
  }

  test('a client without its cookie is given one, which leads back', async () => {
    const [own, other] = await Promise.all([ownPort, envoyPort].map((port) => ask(port, '/ring/cookie', {})));
    expect(own?.split(' ').slice(1)).toEqual(other?.split(' ').slice(1) ?? []);
    const answer = await fetch(`http://127.0.0.1:${ownPort}/ring/cookie`);
    const first = await answer.text();
    const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
    for (let turn = 0; turn < 5; turn++) {
      const again = await fetch(`http://127.0.0.1:${ownPort}/ring/cookie`, { headers: { cookie } });
      expect(again.headers.get('set-cookie')).toBeNull();
      expect(await again.text()).toBe(first);
    }
  });
});
