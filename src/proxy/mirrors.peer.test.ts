// What a mirror gets, beside Envoy under the same bootstrap: of which level, to which cluster, for which host, and with
// which path, fields and body.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { describeWith } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { RawSocket } from './testing/raw-socket.ts';
import { clusterAt, type Side, type Sides, sides, startSides } from './testing/side-by-side.ts';

setDefaultTimeout(60_000);

const to = (fields: object = {}) => ({ cluster: 'one', ...fields });
const percent = (numerator: number) => ({ runtime_fraction: { default_value: { numerator } } });

interface Levels {
  readonly action?: object;
  readonly route?: object;
  readonly host?: object;
  readonly config?: object;
}

const listeners: Readonly<Record<string, Levels>> = {
  none: {},
  route: { action: { request_mirror_policies: [to()] } },
  'both of two': { action: { request_mirror_policies: [to(), { cluster: 'two' }] } },
  host: { host: { request_mirror_policies: [to()] } },
  config: { config: { request_mirror_policies: [to()] } },
  'the most specific': {
    action: { request_mirror_policies: [{ cluster: 'two' }] },
    host: { request_mirror_policies: [to()] },
    config: { request_mirror_policies: [to()] },
  },
  never: { action: { request_mirror_policies: [to(percent(0))] } },
  always: { action: { request_mirror_policies: [to(percent(100))] } },
  'by header': { action: { request_mirror_policies: [{ cluster_header: 'x-to' }] } },
  'same host': { action: { request_mirror_policies: [to({ disable_shadow_host_suffix_append: true })] } },
  rewritten: {
    action: { request_mirror_policies: [to()], prefix_rewrite: '/new', host_rewrite_literal: 'new.example' },
    route: {
      request_headers_to_add: [{ header: { key: 'x-added', value: 'yes' } }],
      request_headers_to_remove: ['x-own'],
    },
  },
};

interface Copy {
  readonly side: string | null;
  readonly at: string;
  readonly line: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string;
}

describeWith(['envoy'], 'mirrors, beside Envoy', () => {
  const servers: Bun.Server<undefined>[] = [];
  let both: Sides;
  const copies: Copy[] = [];

  function startMirror(at: string): number {
    const server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      async fetch(request) {
        const { pathname, search } = new URL(request.url);
        const body = await request.text();
        const compared = [...request.headers].filter(([name]) =>
          /^(host|x-own|x-added|content-type|x-to)$/.test(name),
        );
        copies.push({
          side: request.headers.get('x-side'),
          at,
          line: `${request.method} ${pathname}${search}`,
          fields: Object.fromEntries(compared),
          body,
        });
        return new Response(at === 'main' ? 'fine' : 'no', { status: at === 'main' ? 200 : 500 });
      },
    });
    servers.push(server);
    return server.port ?? 0;
  }

  beforeAll(async () => {
    const clusters = ['main', 'one', 'two'].map((name) => clusterAt(name, startMirror(name)));
    const managers = Object.fromEntries(
      Object.entries(listeners).map(([name, { action, config, host, route }]) => [
        name,
        {
          route_config: {
            name,
            ...config,
            virtual_hosts: [
              {
                name: 'all',
                domains: ['*'],
                ...host,
                routes: [{ match: { prefix: '/' }, route: { cluster: 'main', ...action }, ...route }],
              },
            ],
          },
        },
      ]),
    );
    both = await startSides(managers, clusters);
  });

  afterAll(async () => {
    await both.stop();
    for (const server of servers) await server.stop(true);
  });

  const requests = {
    get: 'GET /a/b?c HTTP/1.1\r\nhost: a.example\r\nx-own: 1\r\nx-to: two\r\nconnection: close\r\n\r\n',
    'with a port': 'GET /a HTTP/1.1\r\nhost: a.example:8080\r\nx-own: 1\r\nconnection: close\r\n\r\n',
    post: 'POST /a HTTP/1.1\r\nhost: a.example\r\ncontent-type: text/x\r\nx-to: nobody\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello',
    chunked:
      'PUT /a HTTP/1.1\r\nhost: a.example\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n',
  } as const;

  async function play(side: Side, listener: string, request: keyof typeof requests) {
    const text = requests[request].replace('\r\n', `\r\nx-side: ${side}\r\n`);
    const client = new RawSocket(both.port(side, listener)).send(text);
    await until('an answer', () => client.ended);
    client.socket.destroy();
    return client.answer?.status;
  }

  const copiesOf = (side: Side) =>
    copies
      .filter((copy) => copy.side === side)
      .map(({ side: _, ...copy }) => copy)
      .sort((a, b) => a.at.localeCompare(b.at));

  for (const listener of Object.keys(listeners)) {
    for (const request of Object.keys(requests) as (keyof typeof requests)[]) {
      test(`${listener}, ${request}`, async () => {
        copies.length = 0;
        const statuses = [];
        for (const side of sides) statuses.push(await play(side, listener, request));
        // A copy may come after the answer; that none comes only time can tell.
        await Bun.sleep(60);
        const [envoy, weft] = sides as readonly [Side, Side];
        await until('as many', () => copiesOf(weft).length === copiesOf(envoy).length, 5_000).catch(() => {});
        expect([statuses[1], copiesOf(weft)]).toEqual([statuses[0], copiesOf(envoy)]);
      });
    }
  }
});
