// Network filters beside Envoy's: whether a connection is served, and what was counted.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { createAuthority } from '../../testing/certificates.ts';
import { describeWith } from '../../testing/programs.ts';
import { BesideEnvoy, type Case, cluster, typed } from '../testing/beside-envoy.ts';

setDefaultTimeout(60_000);

const network = 'envoy.extensions.filters.network';
const tcp = {
  name: 'tcp',
  typed_config: typed(`${network}.tcp_proxy.v3.TcpProxy`, { stat_prefix: 'tcp', cluster: 'backend' }),
};
const filter = (type: string, fields: object) => ({
  name: type,
  typed_config: typed(`${network}.${type}`, fields),
});
const sharedLimit = () =>
  filter('local_ratelimit.v3.LocalRateLimit', {
    stat_prefix: 'both',
    token_bucket: { max_tokens: 2, tokens_per_fill: 1, fill_interval: '3600s' },
    share_key: 'both',
  });
const loopback = { address_prefix: '127.0.0.0', prefix_len: 8 };
const ten = { address_prefix: '10.0.0.0', prefix_len: 8 };
const rules = (principal: object, action = 'ALLOW') => ({
  action,
  policies: { p: { permissions: [{ any: true }], principals: [principal] } },
});
const rbac = (fields: object) => filter('rbac.v3.RBAC', { stat_prefix: 'net.', ...fields });
const bytes = 'GET / HTTP/1.0\r\nhost: a\r\n\r\n';

const inspector = {
  listener_filters: [
    {
      name: 'inspector',
      typed_config: typed('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector'),
    },
  ],
};
const sni = filter('sni_cluster.v3.SniCluster', {});

const cases: readonly Case[] = [
  {
    name: 'rbac: allowed',
    network: [rbac({ rules: rules({ direct_remote_ip: loopback }) }), tcp],
    asks: [{ bytes }],
  },
  {
    name: 'rbac: not allowed',
    network: [rbac({ rules: rules({ remote_ip: ten }) }), tcp],
    asks: [{ bytes }],
  },
  {
    name: 'rbac: denied',
    network: [rbac({ rules: rules({ source_ip: loopback }, 'DENY') }), tcp],
    asks: [{ bytes }],
  },
  {
    name: 'rbac: in shadow',
    network: [rbac({ shadow_rules: rules({ remote_ip: ten }) }), tcp],
    asks: [{ bytes }],
  },
  {
    name: 'rbac: no certificate',
    network: [rbac({ rules: rules({ authenticated: {} }) }), tcp],
    asks: [{ bytes }],
  },
  {
    name: 'so many connections at a time',
    network: [filter('connection_limit.v3.ConnectionLimit', { stat_prefix: 'few', max_connections: 1 }), tcp],
    asks: [{ bytes, times: 3 }],
  },
  {
    name: 'so many connections at a time, and those beyond wait',
    network: [
      filter('connection_limit.v3.ConnectionLimit', {
        stat_prefix: 'late',
        max_connections: 1,
        delay: '0.1s',
      }),
      tcp,
    ],
    asks: [{ bytes, times: 3 }],
  },
  {
    name: 'so many connections in a time',
    network: [
      filter('local_ratelimit.v3.LocalRateLimit', {
        stat_prefix: 'slow',
        token_bucket: { max_tokens: 2, tokens_per_fill: 1, fill_interval: '3600s' },
      }),
      tcp,
    ],
    asks: [{ bytes, times: 3 }],
  },
  {
    name: 'limits that are switched off',
    network: [
      filter('local_ratelimit.v3.LocalRateLimit', {
        stat_prefix: 'off',
        token_bucket: { max_tokens: 1, fill_interval: '3600s' },
        runtime_enabled: { default_value: false, runtime_key: 'a' },
      }),
      filter('connection_limit.v3.ConnectionLimit', {
        stat_prefix: 'off',
        max_connections: 1,
        runtime_enabled: { default_value: false, runtime_key: 'b' },
      }),
      tcp,
    ],
    asks: [{ bytes, times: 3 }],
  },
  {
    name: 'a limit of two listeners, the one',
    network: [sharedLimit(), tcp],
    asks: [{ bytes }],
  },
  {
    name: 'a limit of two listeners, the other',
    network: [sharedLimit(), tcp],
    asks: [{ bytes, times: 2 }],
  },
];

const servers = ['a.example', 'b.example'] as const;
const byName: readonly Case[] = [
  { name: 'sni_cluster: the cluster of that name', network: [sni, tcp], listener: inspector, asks: [] },
  { name: 'sni_cluster: nobody read the name', network: [sni, tcp], asks: [] },
  {
    name: 'rbac: the name that a client asks for',
    network: [
      rbac({ rules: rules({ any: true }) }),
      rbac({
        stat_prefix: 'name.',
        rules: {
          action: 'ALLOW',
          policies: {
            p: {
              permissions: [{ requested_server_name: { exact: 'a.example' } }],
              principals: [{ any: true }],
            },
          },
        },
      }),
      sni,
      tcp,
    ],
    listener: inspector,
    asks: [],
  },
];

describeWith(['envoy'], 'network filters by the name that a client asks for', () => {
  const root = createAuthority();
  const started = servers.map((name) => {
    const { chainPem: cert, keyPem: key } = root.issue({ dns: [name] });
    return Bun.serve({ hostname: '127.0.0.1', port: 0, tls: { cert, key }, fetch: () => new Response(name) });
  });
  const beside = new BesideEnvoy({
    cases: byName,
    clusters: () => servers.map((name, at) => cluster(name, started[at]?.port ?? 0)),
  });
  beforeAll(() => beside.start());
  afterAll(async () => {
    await beside.stop();
    for (const server of started) await server.stop(true);
  });
  const askFor = async (port: number, serverName: string): Promise<string> => {
    try {
      const tls = { serverName, ca: root.pem, checkServerIdentity: () => undefined };
      return await (await fetch(`https://127.0.0.1:${port}/`, { tls, keepalive: false })).text();
    } catch {
      return 'none';
    }
  };
  const expected = [
    ['a.example', 'b.example', 'none'],
    ['none', 'none', 'none'],
    ['a.example', 'none', 'none'],
  ];

  for (const [index, { name }] of byName.entries())
    test(name, async () => {
      for (const port of [beside.envoyPort(index), beside.weftPort(index)]) {
        const answers: string[] = [];
        for (const wanted of [...servers, 'other.example']) answers.push(await askFor(port, wanted));
        expect(answers).toEqual(expected[index] ?? []);
      }
    });
});

describeWith(['envoy'], 'network filters beside Envoy', () => {
  const beside = new BesideEnvoy({ cases });
  beforeAll(() => beside.start());
  afterAll(() => beside.stop());

  for (const [index, { name }] of cases.entries()) {
    test(name, async () => {
      const { envoy, weft } = await beside.play(index);
      // How it is ended, in order or not, depends on what was read by then.
      const served = (told: typeof envoy) => told.map(({ answer }) => String(answer).startsWith('HTTP/1.'));
      expect(served(weft)).toEqual(served(envoy));
    });
  }

  test('the same was counted', async () => {
    const wanted =
      /^envoy_(rbac_(shadow_)?(allowed|denied)|connection_limit_limited|local_rate_limit_rate_limited)/;
    const { envoy, weft } = await beside.stats(wanted);
    expect(envoy.length).toBeGreaterThan(3);
    expect(weft).toEqual([...envoy]);
  });
});
