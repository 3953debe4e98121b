// Lists of HTTP filters beside Envoy's: members that are not known and may be left out, header mutations of several
// levels in either order; and the scheme of whom a request goes to.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { createServer, type Server } from 'node:net';
import { describeWith } from '../testing/programs.ts';
import { BesideEnvoy, type Case, cluster, typed } from './testing/beside-envoy.ts';
import { ask } from './testing/raw-client.ts';

setDefaultTimeout(60_000);

const mutation = 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation';
const edits = (name: string) => {
  const mutations = [
    { append: { header: { key: 'x-set', value: name }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' } },
    { append: { header: { key: 'x-list', value: name } } },
  ];
  return { mutations: { request_mutations: mutations, response_mutations: mutations } };
};
const level = (name: string) => ({
  typed_per_filter_config: { edits: typed(`${mutation}PerRoute`, edits(name)) },
});
const levels = (fields: object) => ({
  filters: [{ name: 'edits', typed_config: typed(mutation, { ...edits('filter'), ...fields }) }],
  config: level('config'),
  host: level('host'),
  routes: [
    {
      match: { prefix: '/' },
      route: { weighted_clusters: { clusters: [{ name: 'backend', weight: 1, ...level('weight') }] } },
      ...level('route'),
    },
  ],
});

/** What Envoy knows no filter of, and Weft neither. */
const foreign = typed('google.protobuf.Empty');
const optional = { is_optional: true };

const cases: readonly Case[] = [
  { name: 'four levels', ...levels({}), asks: [{}] },
  {
    name: 'the most specific one last',
    ...levels({ most_specific_header_mutations_wins: true }),
    asks: [{}],
  },
  {
    name: 'filters that may be left out',
    filters: [
      { name: 'unknown', typed_config: foreign, ...optional },
      { name: 'edits', typed_config: typed(mutation, edits('filter')), ...optional },
    ],
    host: {
      typed_per_filter_config: {
        edits: typed('envoy.config.route.v3.FilterConfig', { config: foreign, ...optional }),
      },
    },
    asks: [{}],
  },
];

describeWith(['envoy'], 'lists of filters beside Envoy', () => {
  const both = new BesideEnvoy({ cases });
  beforeAll(() => both.start());
  afterAll(() => both.stop());

  for (const [index, { name }] of cases.entries())
    test(name, async () => {
      const { envoy, weft } = await both.play(index);
      expect(weft).toEqual(envoy);
    });
});

const schemes: readonly Case[] = ['plain', 'overwritten', 'of the endpoint', 'overwritten first'].map(
  (name, index) => ({
    name,
    routes: [{ match: { prefix: '/' }, route: { cluster: 'whole' } }],
    manager: {
      scheme_header_transformation: {
        ...(index % 2 === 1 ? { scheme_to_overwrite: 'https' } : {}),
        match_upstream: index > 1,
      },
    },
    asks: [],
  }),
);

describeWith(['envoy'], 'the scheme of a request beside Envoy', () => {
  let line = '';
  let backend: Server;
  const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  const whole = {
    [options]: typed(options, {
      explicit_http_config: { http_protocol_options: { send_fully_qualified_url: true } },
    }),
  };
  const both = new BesideEnvoy({
    cases: schemes,
    clusters: () => {
      const address = backend.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      return [cluster('whole', port, { typed_extension_protocol_options: whole })];
    },
  });
  beforeAll(async () => {
    backend = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        line = bytes.toString('latin1').split('\r\n')[0] ?? '';
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      });
    });
    await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
    await both.start();
  });
  afterAll(async () => {
    await both.stop();
    backend.close();
  });

  for (const [index, { name }] of schemes.entries())
    test(name, async () => {
      const seen = [];
      for (const port of [both.envoyPort(index), both.weftPort(index)]) {
        const lines = [];
        for (const proto of ['http', 'https']) {
          await ask(port, { fields: [`x-forwarded-proto: ${proto}`] });
          lines.push(line.replace(/:\d+/, ''));
        }
        seen.push(lines);
      }
      expect(seen[1]).toEqual(seen[0]!);
    });
});
