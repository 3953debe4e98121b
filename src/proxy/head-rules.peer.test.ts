// Options of the connection manager and of routes that rewrite what passes: the same bytes to Envoy and to Weft under
// the same bootstrap, and what the backend saw and the client got.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { createServer, type Server } from 'node:net';
import { describeWith } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { RawSocket } from './testing/raw-socket.ts';
import { clusterAt, type Side, type Sides, sides, startSides } from './testing/side-by-side.ts';

setDefaultTimeout(60_000);

interface Listener {
  readonly manager?: object;
  readonly action?: object;
  readonly host?: object;
  readonly route?: object;
}

const escaped = (action: string) => ({
  manager: { path_with_escaped_slashes_action: action, normalize_path: true },
});

const listeners: Readonly<Record<string, Listener>> = {
  plain: {},
  normalized: { manager: { normalize_path: true } },
  merged: { manager: { merge_slashes: true } },
  both: { manager: { normalize_path: true, merge_slashes: true } },
  'escaped kept': escaped('KEEP_UNCHANGED'),
  'escaped rejected': escaped('REJECT_REQUEST'),
  'escaped redirected': escaped('UNESCAPE_AND_REDIRECT'),
  'escaped forwarded': escaped('UNESCAPE_AND_FORWARD'),
  'any port stripped': { manager: { strip_any_host_port: true } },
  'own port stripped': { manager: { strip_matching_host_port: true } },
  'dot stripped': { manager: { strip_trailing_host_dot: true } },
  'underscores dropped': {
    manager: { common_http_protocol_options: { headers_with_underscores_action: 'DROP_HEADER' } },
  },
  'underscores rejected': {
    manager: { common_http_protocol_options: { headers_with_underscores_action: 'REJECT_REQUEST' } },
  },
  via: { manager: { via: '1.1 own' } },
  'server if absent': { manager: { server_name: 'own', server_header_transformation: 'APPEND_IF_ABSENT' } },
  'cluster by header': { action: { cluster: undefined, cluster_header: 'x-cluster' } },
  'host by header': { action: { host_rewrite_header: 'x-new-host', append_x_forwarded_host: true } },
  'host rewritten': { action: { host_rewrite_literal: 'new.example', append_x_forwarded_host: true } },
  'matched never': {
    route: { match: { prefix: '/', runtime_fraction: { default_value: { numerator: 0 } } } },
  },
  'matched always': {
    route: { match: { prefix: '/', runtime_fraction: { default_value: { numerator: 100 } } } },
  },
  'attempts told': { host: { include_attempt_count_in_response: true } },
  'redirect without query': {
    route: { route: undefined, redirect: { host_redirect: 'new.example', strip_query: true } },
  },
};

const paths = [
  '/',
  '/a/b',
  '/a/../b',
  '/a/./b',
  '/a/..',
  '/a/.',
  '/..',
  '/../../a',
  '//a//b',
  '/a//../b',
  '/a/%2e%2e/b',
  '/a/%2E/b',
  '/a/.%2e/b',
  '/a/%41b',
  '/a/%7e',
  '/a%2fb',
  '/a%2Fb/../c',
  '/a%5cb',
  '/a%5C..%5Cb',
  '/a/b?c/../d//e',
  '/a/%zz',
  '/a/%2',
  '/a/.../b',
  '/a/..b/c',
  '/a;x/../b',
  '/%2e%2e/a',
  '/a/b/',
  '/a//',
  '/a/b/../',
  '/a%20b',
  '/a/%00b',
  '/?x',
  '/a|b',
  '/a{b}',
  '/a^b',
  "/a'b",
  '/a"b',
  '/a<b>',
  '/a`b',
  '/a\\b',
  '/a\\..\\b',
];
const get = (target: string, fields: readonly string[] = [], host = 'a.example') =>
  [`GET ${target} HTTP/1.1`, `host: ${host}`, ...fields, 'connection: close', '', ''].join('\r\n');

const asks: Readonly<Record<string, (port: number) => readonly string[]>> = {
  paths: () => paths.map((path) => get(path)),
  hosts: (port) =>
    [
      'a.example',
      'a.example:80',
      `a.example:${port}`,
      'a.example.',
      'a.example.:80',
      '[::1]:80',
      '[::1]',
      '1.2.3.4:80',
    ].map((host) => get('/', [], host)),
  fields: () => [
    get('/', ['x_one: 1', 'x-two: 2', 'X_Three: 3']),
    get('/', [
      'via: 1.0 first',
      'x-cluster: backend',
      'x-new-host: named.example:81',
      'x-forwarded-host: before',
    ]),
    get('/', ['x-cluster: nobody']),
    get('/', ['x-quiet: yes']),
  ],
};

describeWith(['envoy'], 'rewriting heads, beside Envoy', () => {
  let backend: Server;
  let both: Sides;
  let seen = '';

  beforeAll(async () => {
    backend = createServer((socket) => {
      let text = '';
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
        if (!text.endsWith('\r\n\r\n')) return;
        seen = text;
        const server = text.includes('x-quiet') ? '' : 'server: theirs\r\n';
        socket.end(`HTTP/1.1 200 OK\r\n${server}via: 1.1 there\r\ncontent-length: 0\r\n\r\n`);
      });
    });
    await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
    const address = backend.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const managers = Object.fromEntries(
      Object.entries(listeners).map(([name, { action, host, manager, route }]) => [
        name,
        {
          ...manager,
          route_config: {
            name,
            virtual_hosts: [
              {
                name: 'all',
                domains: ['*'],
                ...host,
                routes: [{ match: { prefix: '/' }, route: { cluster: 'backend', ...action }, ...route }],
              },
            ],
          },
        },
      ]),
    );
    both = await startSides(managers, [clusterAt('backend', port)]);
  });

  afterAll(async () => {
    await both.stop();
    backend.close();
  });

  async function play(side: Side, listener: string, bytes: string) {
    seen = '';
    const client = new RawSocket(both.port(side, listener)).send(bytes);
    await until('an answer', () => client.answer !== null);
    client.socket.destroy();
    const { status, fields } = client.answer!;
    const answered = ['location', 'via', 'server', 'x-envoy-attempt-count'].map(
      (name) => fields.get(name) ?? '',
    );
    const [line = '', ...rest] = seen.split('\r\n');
    const compared = rest
      .filter((field) => /^(host|via|x_|x-two|x-forwarded-host)/i.test(field))
      .map((field) => field.toLowerCase());
    return {
      status,
      answered: answered.map((value) => (value === 'envoy' ? 'weft' : value)),
      line,
      compared: compared.sort(),
    };
  }

  for (const listener of Object.keys(listeners)) {
    for (const [name, ask] of Object.entries(asks)) {
      test(`${listener}, ${name}`, async () => {
        const outcomes = [];
        for (const side of sides) {
          const told = [];
          for (const bytes of ask(both.port(side, listener))) {
            const port = `${both.port(side, listener)}`;
            const [request = ''] = bytes.split('\r\n');
            told.push(
              JSON.parse(
                JSON.stringify([request, await play(side, listener, bytes)]).replaceAll(port, 'PORT'),
              ),
            );
          }
          outcomes.push(told);
        }
        expect(outcomes[1]).toEqual(outcomes[0]!);
      });
    }
  }
});
