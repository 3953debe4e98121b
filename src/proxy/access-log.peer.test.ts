// The same configuration and the same bytes through an Envoy and through our proxy: the same lines in their logs, but
// for times, ids and ports.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { socketAddress } from '../testing/envoy.ts';
import { describeWith } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { EnvoyPair, type Json, managerFilter, type Places, staticCluster } from './testing/envoy-pair.ts';

const file = 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog';

const metadata = {
  filter_metadata: { my: { text: 'café', number: 3.5, list: [1, 'a', true, null], deep: { b: 'c', a: 1 } } },
};

const commands = `
BYTES_RECEIVED BYTES_SENT PROTOCOL UPSTREAM_PROTOCOL RESPONSE_CODE RESPONSE_CODE_DETAILS CONNECTION_TERMINATION_DETAILS
UPSTREAM_REQUEST_ATTEMPT_COUNT RESPONSE_FLAGS RESPONSE_FLAGS_LONG ROUTE_NAME UPSTREAM_HOST UPSTREAM_HOST_NAME
UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT
UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT UPSTREAM_REMOTE_PORT UPSTREAM_HOSTS_ATTEMPTED
UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAMES_ATTEMPTED UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT
UPSTREAM_SERVER_NAME DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT
DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT GRPC_STATUS GRPC_STATUS_NUMBER
GRPC_STATUS(SNAKE_STRING) GRPC_STATUS(NUMBER) ACCESS_LOG_TYPE LOCAL_REPLY_BODY TRACE_ID SPAN_ID PATH QUERY_PARAMS
REQUESTED_SERVER_NAME FILTER_CHAIN_NAME LISTENER_NAME CUSTOM_FLAGS HOSTNAME
REQ(:METHOD) REQ(x-absent) REQ(X-ENVOY-ORIGINAL-PATH?:PATH) REQ(:path) REQ(user-agent):4 REQ(:path):0 REQ(:scheme)
REQ(host) REQ(x-odd) REQ(x-twice) RESP(x-answer) RESP(:status) TRAILER(x-trailer) STREAM_INFO_REQ(user-agent)
PATH(NQ) PATH(WQ:ORIG) PATH(NQ:PATH):3 PATH(WQ:ORIG_OR_PATH) QUERY_PARAM(a) QUERY_PARAM(b):2 QUERY_PARAMS(ORIG)
ENVIRONMENT(WEFT_NOT_SET) METADATA(ROUTE:my) METADATA(ROUTE:my:text) METADATA(ROUTE:my:list) METADATA(ROUTE:my:number)
METADATA(ROUTE:my:deep:a) METADATA(ROUTE:no) METADATA(CLUSTER:my:text) METADATA(LISTENER:my:text)
METADATA(VIRTUAL_HOST:my:text) METADATA(LISTENER_FILTER_CHAIN:my:text) CLUSTER_METADATA(my:text) DYNAMIC_METADATA(a:b)
FILTER_STATE(a) FILTER_STATE(a:PLAIN):3 UPSTREAM_FILTER_STATE(a)
DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(16) DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(33)
DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(0) UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(12)
RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES) METADATA(ROUTE:my:text):2 METADATA(ROUTE:my:deep):4 DYNAMIC_METADATA(a:b):2
DOWNSTREAM_PEER_SUBJECT DOWNSTREAM_TLS_VERSION DOWNSTREAM_PEER_CERT_V_START UPSTREAM_TLS_VERSION UPSTREAM_PEER_SUBJECT
`
  .trim()
  .split(/\s+/)
  .map((command) => `%${command}%`);

const text = `${commands.join(' ; ')}\n`;
const json = Object.fromEntries(commands.map((command) => [command, command]));
const nested = {
  z: '%PROTOCOL%',
  both: '%REQ(x-absent)%%PROTOCOL%',
  absent: '%REQ(x-absent)%x%REQ(x-absent)%',
  object: { c: '%REQ(x-absent)%', list: ['%RESPONSE_CODE%', '%REQ(x-absent)%', 'text', 3, true, null] },
  hollow: { f: '%REQ(x-absent)%' },
  number: 5,
  percent: '100%%',
  literal: 'a"b\\é\n',
  odd: '%REQ(x-odd)%',
};

const http = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const withTrailers = {
  typed_extension_protocol_options: {
    [http]: {
      '@type': `type.googleapis.com/${http}`,
      explicit_http_config: { http_protocol_options: { enable_trailers: true } },
    },
  },
};

const log = (places: Places, name: string, format: Json, filter?: Json): Json => ({
  name,
  typed_config: { '@type': file, path: join(places.folder, name), ...format },
  ...(filter === undefined ? {} : { filter }),
});
const value = (number: number) => ({ default_value: number, runtime_key: 'none' });

/** Which requests each takes. */
const filters: Readonly<Record<string, Json>> = {
  equal: { status_code_filter: { comparison: { op: 'EQ', value: value(404) } } },
  above: { status_code_filter: { comparison: { op: 'GE', value: value(400) } } },
  below: { status_code_filter: { comparison: { op: 'LE', value: value(302) } } },
  unlike: { status_code_filter: { comparison: { op: 'NE', value: value(200) } } },
  quick: { duration_filter: { comparison: { op: 'LE', value: value(10_000) } } },
  slow: { duration_filter: { comparison: { op: 'GE', value: value(10_000) } } },
  checked: { not_health_check_filter: {} },
  traced: { traceable_filter: {} },
  never: { runtime_filter: { runtime_key: 'k', percent_sampled: { numerator: 0 } } },
  always: { runtime_filter: { runtime_key: 'k', percent_sampled: { numerator: 100 } } },
  share: {
    runtime_filter: { runtime_key: 'k', percent_sampled: { numerator: 5_000, denominator: 'TEN_THOUSAND' } },
  },
  header: { header_filter: { header: { name: 'user-agent', string_match: { prefix: 'agent' } } } },
  flagged: { response_flag_filter: {} },
  unrouted: { response_flag_filter: { flags: ['NR', 'UH'] } },
  calls: { grpc_status_filter: { statuses: ['OK'] } },
  failed: { grpc_status_filter: { statuses: ['OK'], exclude: true } },
  ends: { log_type_filter: { types: ['DownstreamEnd'] } },
  starts: { log_type_filter: { types: ['DownstreamStart'] } },
  found: {
    metadata_filter: { matcher: { filter: 'f', path: [{ key: 'k' }], value: { bool_match: true } } },
  },
  missed: {
    metadata_filter: {
      matcher: { filter: 'f', path: [{ key: 'k' }], value: { bool_match: true } },
      match_if_key_not_found: false,
    },
  },
  and: {
    and_filter: {
      filters: [
        { status_code_filter: { comparison: { op: 'GE', value: value(400) } } },
        {
          header_filter: { header: { name: ':path', string_match: { contains: 'old' }, invert_match: true } },
        },
      ],
    },
  },
  or: {
    or_filter: {
      filters: [
        { status_code_filter: { comparison: { value: value(301) } } },
        { response_flag_filter: { flags: ['UF'] } },
      ],
    },
  },
};

const routes = [
  { name: 'moved', match: { prefix: '/old' }, redirect: { path_redirect: '/new' } },
  { name: 'rewritten', match: { prefix: '/rw' }, route: { cluster: 'origin', prefix_rewrite: '/new' } },
  {
    name: 'said',
    match: { prefix: '/direct' },
    direct_response: { status: 403, body: { inline_string: 'no' } },
  },
  { name: 'empty', match: { prefix: '/empty' }, route: { cluster: 'empty' } },
  { name: 'refused', match: { prefix: '/refused' }, route: { cluster: 'refused' } },
  { name: 'nowhere', match: { prefix: '/nowhere' }, route: { cluster: 'nowhere' } },
  { name: 'slow', match: { prefix: '/slow' }, route: { cluster: 'origin', timeout: '0.2s' } },
  { name: 'main', match: { prefix: '/m' }, route: { cluster: 'origin' }, metadata },
];

const requests: Readonly<Record<string, string>> = {
  'a body and a query':
    'POST /m?a=1&b=two&a=3 HTTP/1.1\r\nhost: h.example\r\nuser-agent: agent/1\r\ncontent-length: 3\r\n\r\nabc',
  'a path that is rewritten': 'GET /rw/x?q HTTP/1.1\r\nhost: h\r\n\r\n',
  'bytes that are not ASCII':
    'GET /m HTTP/1.1\r\nhost: h\r\nx-odd: a"\\</>\t.\r\nx-twice: 1\r\nx-twice: 2\r\n\r\n',
  'bytes that are UTF-8': 'GET /m HTTP/1.1\r\nhost: h\r\nx-odd: a"\\ \xc3\xa9\t.\r\n\r\n',
  'bytes that are no UTF-8': 'GET /m HTTP/1.1\r\nhost: h\r\nx-odd: a"\\b\xe9\xff!\r\n\r\n',
  'a redirect': 'GET /old HTTP/1.1\r\nhost: h\r\n\r\n',
  'a direct answer': 'GET /direct HTTP/1.1\r\nhost: h\r\n\r\n',
  'no route': 'GET /other HTTP/1.1\r\nhost: h\r\nuser-agent: agent/2\r\n\r\n',
  'no endpoint': 'GET /empty HTTP/1.1\r\nhost: h\r\n\r\n',
  'nobody listens': 'GET /refused HTTP/1.1\r\nhost: h\r\n\r\n',
  'no cluster': 'GET /nowhere HTTP/1.1\r\nhost: h\r\n\r\n',
  'a trace that is wanted':
    'GET /m HTTP/1.1\r\nhost: h\r\nx-request-id: 12345678-1234-9234-8234-123456789012\r\n\r\n',
  'a share that is not':
    'GET /m HTTP/1.1\r\nhost: h\r\nx-request-id: ffffffff-1234-4234-8234-123456789012\r\n\r\n',
  trailers: 'GET /m/trailers HTTP/1.1\r\nhost: h\r\nte: trailers\r\n\r\n',
  'a gRPC call without a route':
    'POST /other HTTP/1.1\r\nhost: h\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\n\r\n',
};

function respond(
  connection: Parameters<NonNullable<Parameters<EnvoyPair['origin']>[0]>>[0],
  request: string,
) {
  if (request.startsWith('GET /slow')) return;
  if (request.includes('/trailers'))
    connection.send(
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-trailer: t\r\n\r\n',
    );
  else connection.reply(200, 'hello', ['x-answer: yes']);
}

describeWith(['envoy'], 'access logs beside Envoy', () => {
  const both = new EnvoyPair();
  const names = Object.keys(filters);

  beforeAll(async () => {
    const origin = both.origin(respond);
    const manager = (places: Places) =>
      managerFilter({
        http_protocol_options: { enable_trailers: true },
        access_log: [
          log(places, 'default', {}),
          log(places, 'text', { log_format: { text_format_source: { inline_string: text } } }),
          log(places, 'json', { log_format: { json_format: json } }),
          log(places, 'nested', { log_format: { json_format: nested } }),
          log(places, 'sparse', { log_format: { json_format: nested, omit_empty_values: true } }),
          log(places, 'bare', {
            log_format: { text_format: `[%REQ(x-absent)%]\n`, omit_empty_values: true },
          }),
          log(places, 'older', { format: '%RESPONSE_CODE% %REQ(x-absent)%\n' }),
          log(places, 'older-json', { json_format: { code: '%RESPONSE_CODE%', no: '%REQ(x-absent)%' } }),
          log(places, 'typed-json', {
            typed_json_format: { code: '%RESPONSE_CODE%', no: '%REQ(x-absent)%' },
          }),
          ...names.map((name) => log(places, `filter-${name}`, { format: '%REQ(:PATH)%\n' }, filters[name])),
        ],
        route_config: {
          name: 'routes',
          validate_clusters: false,
          virtual_hosts: [{ name: 'all', domains: ['*'], routes, metadata }],
        },
      });
    await both.start((places) => ({
      static_resources: {
        listeners: [
          {
            name: 'edge',
            address: socketAddress(places.ports[0]!),
            metadata,
            filter_chains: [{ name: 'chain', metadata, filters: [manager(places)] }],
          },
        ],
        clusters: [
          staticCluster('origin', origin.port, { metadata, ...withTrailers }),
          staticCluster('refused', 1),
          { name: 'empty', type: 'STATIC', connect_timeout: '1s' },
        ],
      },
    }));
    for (const bytes of Object.values(requests))
      for (const places of [both.own, both.theirs]) await both.exchange(places, withId(bytes));
  }, 60_000);

  afterAll(() => both.stop());

  const cases = Object.keys(requests);
  const pair = async (name: string): Promise<readonly (readonly string[])[]> =>
    await Promise.all([both.own, both.theirs].map((places) => both.lines(places, name, cases.length)));

  test('the default format', async () => {
    const [own = [], theirs = []] = (await pair('default')).map((lines) => lines.map(hideDefault));
    for (const [index, name] of cases.entries()) expect([name, own[index]]).toEqual([name, theirs[index]]);
  });

  for (const name of ['nested', 'sparse', 'bare', 'older', 'older-json', 'typed-json'])
    test(`the format ${name}`, async () => {
      const [own, theirs] = await pair(name);
      expect(own).toEqual(theirs ?? []);
    });

  describe('every command', () => {
    for (const [index, name] of cases.entries())
      test(name, async () => {
        const [own, theirs] = (await pair('json')).map((lines) => JSON.parse(lines[index]!));
        expect(comparable(name, own)).toEqual(comparable(name, theirs));
        const [ownText, theirText] = (await pair('text')).map((lines) => named(lines[index]!.split(' ; ')));
        expect(comparable(name, ownText!)).toEqual(comparable(name, theirText!));
      });
  });

  describe('filters', () => {
    for (const name of names)
      test(name, async () => {
        const read = () =>
          Promise.all([both.own, both.theirs].map((places) => both.lines(places, `filter-${name}`, 0)));
        await pair('default');
        await until('both have written', async () => {
          const [own, theirs] = await read();
          return own?.length === theirs?.length;
        });
        const [own, theirs] = await read();
        expect(own).toEqual(theirs ?? []);
      });
  });
});

/** The same request id for both: shares are taken by it. */
function withId(bytes: string): string {
  if (bytes.includes('x-request-id')) return bytes;
  const id = Bun.hash.crc32(bytes).toString(16).padStart(8, '0');
  return bytes.replace('host: ', `x-request-id: ${id}-1234-4234-8234-123456789012\r\nhost: `);
}

/**
 * Known differences (docs/envoy-compat.md): the texts of answers, hosts that could not be reached, the host without a
 * route.
 */
const different: Readonly<Record<string, readonly string[]>> = {
  'no route': ['%BYTES_SENT%', '%METADATA(VIRTUAL_HOST:my:text)%'],
  'a gRPC call without a route': ['%METADATA(VIRTUAL_HOST:my:text)%'],
  'no cluster': ['%BYTES_SENT%'],
  'nobody listens': ['%BYTES_SENT%', ...commands.filter((command) => command.includes('ATTEMPTED'))],
};

function comparable(name: string, values: Json): Json {
  const left = different[name] ?? [];
  return Object.fromEntries(Object.entries(values).filter(([command]) => !left.includes(command)));
}

function named(values: readonly string[] | undefined): Json {
  return Object.fromEntries((values ?? []).map((found, index) => [commands[index], found]));
}

/** Times and the request id. */
function hideDefault(line: string): string {
  return line
    .replace(/(?<= (404 NR|503 (NC|UF)) 0) \d+/, ' bytes')
    .replace(/^\[[0-9T:.-]+Z\]/, '[time]')
    .replace(/ \d+ (\d+|-) "/, ' ms ms "')
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, 'id');
}
