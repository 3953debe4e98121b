// Options of the connection manager that few listeners set, beside Envoy: the same bytes, and what the backend saw and
// the client got, twice over one connection.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { createServer, type Server } from 'node:net';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { RawSocket } from './testing/raw-socket.ts';
import { clusterAt, type Side, type Sides, sides, startSides } from './testing/side-by-side.ts';

setDefaultTimeout(60_000);

const append = (key: string, value: string, append_action = 'OVERWRITE_IF_EXISTS_OR_ADD') => ({
  append: { header: { key, value }, append_action },
});
const early = (...mutations: readonly object[]) => ({
  early_header_mutation_extensions: [
    {
      name: 'envoy.http.early_header_mutation.header_mutation',
      typed_config: {
        '@type':
          'type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation',
        mutations,
      },
    },
  ],
});
const rejecting = {
  path_with_escaped_slashes_action: 'REJECT_REQUEST',
  internal_address_config: { cidr_ranges: [] },
};
const inside = { internal_address_config: { cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] } };

const managers: Readonly<Record<string, object>> = {
  plain: {},
  'no ids': { generate_request_id: false },
  'no ids at an edge': { generate_request_id: false, use_remote_address: true },
  'scheme https': { scheme_header_transformation: { scheme_to_overwrite: 'https' } },
  'scheme http at an edge': {
    scheme_header_transformation: { scheme_to_overwrite: 'http' },
    use_remote_address: true,
  },
  'the proxy named': { add_user_agent: true },
  'the proxy named at an edge': { add_user_agent: true, use_remote_address: true },
  'edited early': {
    ...early(
      { remove: 'x-gone' },
      append('x-early', '%REQ(x-some)%'),
      append('x-forwarded-for', '10.9.9.9'),
      append('x-chosen', 'early', 'ADD_IF_ABSENT'),
    ),
    ...inside,
  },
  rejecting,
  'rejecting streams': { ...rejecting, stream_error_on_invalid_http_message: true },
  'rejecting by override': {
    ...rejecting,
    stream_error_on_invalid_http_message: true,
    http_protocol_options: { override_stream_error_on_invalid_http_message: false },
  },
  'proxy status': { proxy_status_config: {} },
  'proxy status of a name': {
    proxy_status_config: { literal_proxy_name: 'own', remove_response_flags: true },
  },
  'proxy status of a node': { proxy_status_config: { use_node_id: true, remove_details: true } },
  'recommended status': {
    proxy_status_config: { set_recommended_response_code: true },
    server_name: 'served',
  },
};

const get = (path: string, ...fields: readonly string[]) =>
  [`GET ${path} HTTP/1.1`, 'host: a.example', ...fields, '', ''].join('\r\n');
const asks: readonly string[] = [
  get('/'),
  get('/', 'x-request-id: given', 'x-some: one', 'x-gone: 1', 'x-chosen: own'),
  get('/', 'user-agent: own', 'x-envoy-downstream-service-cluster: forged', 'x-forwarded-proto: https'),
  get('/redirect'),
  get('/redirect', 'x-forwarded-proto: https'),
  get('http://b.example/redirect'),
  get('/a%2fb'),
  get('/nothing'),
  get('/refused'),
  get('/unknown'),
  get('/slow'),
  get('/said'),
];

/** Names by which both sides are compared. */
const told =
  /^(x-request-id|x-forwarded-proto|user-agent|x-envoy-downstream|x-early|x-gone|x-chosen|x-envoy-int)/;
const answered = ['location', 'proxy-status'];

describeWith(['envoy'], 'options of the connection manager, beside Envoy', () => {
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
        const slow = text.startsWith('GET /slow');
        text = '';
        if (!slow) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      });
    });
    await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
    const address = backend.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const routes = [
      { match: { path: '/redirect' }, redirect: { path_redirect: '/x' } },
      { match: { path: '/refused' }, route: { cluster: 'refused' } },
      { match: { path: '/unknown' }, route: { cluster_header: 'x-to' } },
      { match: { path: '/slow' }, route: { cluster: 'backend', timeout: '0.1s' } },
      { match: { path: '/said' }, direct_response: { status: 404 } },
      { match: { path: '/' }, route: { cluster: 'backend' } },
      { match: { path: '/a/b' }, route: { cluster: 'backend' } },
    ];
    const configs = Object.fromEntries(
      Object.entries(managers).map(([name, manager]) => [
        name,
        { ...manager, route_config: { name, virtual_hosts: [{ name: 'all', domains: ['*'], routes }] } },
      ]),
    );
    both = await startSides(configs, [clusterAt('backend', port), clusterAt('refused', freePort())], {
      id: 'the-node',
      cluster: 'the-cluster',
    });
  });

  afterAll(async () => {
    await both.stop();
    backend.close();
  });

  /** Asks, and asks again over the same connection. */
  async function play(side: Side, listener: string, bytes: string) {
    seen = '';
    const client = new RawSocket(both.port(side, listener)).send(bytes);
    await until('an answer', () => client.answer !== null);
    const first = seen;
    const kept = client.answer?.fields.get('connection') !== 'close';
    const { status = 0, fields = new Map<string, string>() } = client.answer ?? {};
    client.socket.destroy();
    const heads = first
      .split('\r\n')
      .slice(1)
      .map((line) => line.toLowerCase())
      .filter((line) => told.test(line))
      .map((line) => line.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, 'ID'));
    const status_ = (text: string) => text.replace(/^(envoy|weft)/, 'proxy');
    return {
      status,
      kept,
      heads: heads.sort(),
      answered: answered.map((name) => comparableStatus(status_(fields.get(name) ?? ''))),
    };
  }

  /** Details are Envoy's own words in places. */
  function comparableStatus(text: string): string {
    return text.replace(/details="[^"]*"/, (details) =>
      /; (UF|UT|NR|NC|URX)/.test(details)
        ? `details="…${details.slice(details.lastIndexOf(';'))}`
        : 'details',
    );
  }

  for (const listener of Object.keys(managers)) {
    test(listener, async () => {
      const outcomes = [];
      for (const side of sides) {
        const all = [];
        for (const bytes of asks)
          all.push([bytes.split('\r\n').slice(0, 3), await play(side, listener, bytes)]);
        outcomes.push(all);
      }
      expect(outcomes[1]).toEqual(outcomes[0]!);
    });
  }
});
