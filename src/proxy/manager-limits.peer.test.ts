// Times and limits of the connection manager and of routes beside Envoy: the same bytes, cut short or slow in the same
// places. What the client got, whether its connection ended, what the backend saw, and what the log says of it.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { RawSocket } from './testing/raw-socket.ts';
import { clusterAt, type Side, type Sides, sides, startSides } from './testing/side-by-side.ts';

setDefaultTimeout(60_000);

const common = (fields: object) => ({ common_http_protocol_options: fields });
const get = (path: string, ...fields: readonly string[]) =>
  [`GET ${path} HTTP/1.1`, 'host: a.example', ...fields, '', ''].join('\r\n');
const post = 'POST / HTTP/1.1\r\nhost: a.example\r\ncontent-length: 10\r\n\r\n';

/** Of what begins in time, on a busy machine too. */
const late = '1.5s';

interface Case {
  readonly manager?: object;
  readonly route?: object;
  readonly domain?: string;
  readonly bytes: string;
  /** An answer is all there is to wait for; else the connection's end is, too. */
  readonly ends?: true;
  /** What both tell the client of it, each in words of its own. */
  readonly ownBody?: true;
  /** Names of fields of the answer that are compared, and of the request as the backend saw it. */
  readonly fields?: readonly string[];
}

const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const upstream = (fields: object) => ({
  typed_extension_protocol_options: {
    [options]: {
      '@type': `type.googleapis.com/${options}`,
      explicit_http_config: { http_protocol_options: {} },
      ...fields,
    },
  },
});

const cases: Readonly<Record<string, Case>> = {
  'request_timeout: a body that does not come': {
    manager: { request_timeout: '0.2s' },
    bytes: `${post}abc`,
    ends: true,
  },
  'request_timeout: a request in time': { manager: { request_timeout: '9s' }, bytes: `${post}0123456789` },
  'request_headers_timeout: a head that does not end': {
    manager: { request_headers_timeout: '0.2s' },
    bytes: 'GET / HTTP/1.1\r\nhost: a.example\r\n',
    ends: true,
  },
  'stream_idle_timeout: a backend that is silent': {
    manager: { stream_idle_timeout: '0.2s' },
    bytes: get('/slow'),
  },
  'stream_idle_timeout: a client that is silent': {
    manager: { stream_idle_timeout: '0.2s' },
    bytes: `${post}abc`,
    ends: true,
  },
  'stream_idle_timeout: an answer that stops': {
    manager: { stream_idle_timeout: late },
    bytes: get('/half'),
    ends: true,
  },
  'route idle_timeout': { route: { idle_timeout: '0.2s' }, bytes: get('/slow') },
  'route timeout': { route: { timeout: '0.2s' }, bytes: get('/slow') },
  'route timeout: an answer that stops': { route: { timeout: late }, bytes: get('/half'), ends: true },
  'idle_timeout: after an answer': {
    manager: { ...common({ idle_timeout: late }), drain_timeout: '0.1s' },
    bytes: get('/'),
    ends: true,
  },
  'max_connection_duration: a quiet connection': {
    manager: { ...common({ max_connection_duration: late }), drain_timeout: '0.1s' },
    bytes: get('/'),
    ends: true,
  },
  'max_stream_duration: a backend that is silent': {
    manager: common({ max_stream_duration: '0.2s' }),
    bytes: get('/slow'),
  },
  'max_stream_duration: a client that is silent': {
    manager: common({ max_stream_duration: '0.2s' }),
    bytes: `${post}abc`,
    ends: true,
  },
  'max_stream_duration: an answer that stops': {
    manager: common({ max_stream_duration: late }),
    bytes: get('/half'),
    ends: true,
  },
  'route max_stream_duration': {
    route: { max_stream_duration: { max_stream_duration: '0.2s' } },
    bytes: get('/slow'),
  },
  'max_headers_count: as many': {
    manager: common({ max_headers_count: 4 }),
    bytes: get('/', 'x-a: 1', 'x-b: 2'),
  },
  'max_headers_count: more': {
    ownBody: true,
    manager: common({ max_headers_count: 4 }),
    bytes: get('/', 'x-a: 1', 'x-b: 2', 'x-c: 3', 'x-d: 4'),
    ends: true,
  },
  max_request_headers_kb: {
    ownBody: true,
    manager: { max_request_headers_kb: 1 },
    bytes: get('/', `x-a: ${'a'.repeat(1_100)}`),
    ends: true,
  },
  'answers: too many fields': { ownBody: true, route: { cluster: 'few fields' }, bytes: get('/many') },
  'answers: too large a head': { ownBody: true, route: { cluster: 'small heads' }, bytes: get('/large') },
  'answers: a large head': { bytes: get('/large') },
  'answers: cut by an end': { bytes: get('/cut'), ends: true },
  'answers: chunks cut by an end': { bytes: get('/cut-chunks'), ends: true },
  'answers: cut by a reset': { bytes: get('/reset'), ends: true },
  'answers: an end before any': { ownBody: true, bytes: get('/none') },
  'answers: no HTTP': { ownBody: true, bytes: get('/garbage') },
  append_x_forwarded_port: {
    manager: { append_x_forwarded_port: true, use_remote_address: true },
    bytes: get('/', 'x-forwarded-port: 77'),
    fields: ['x-forwarded-port'],
  },
  'append_x_forwarded_port: behind a proxy': {
    manager: { append_x_forwarded_port: true },
    bytes: get('/', 'x-forwarded-port: 77'),
    fields: ['x-forwarded-port'],
  },
  always_set_request_id_in_response: {
    manager: { always_set_request_id_in_response: true, preserve_external_request_id: true },
    bytes: get('/', 'x-request-id: given'),
    fields: ['x-request-id'],
  },
  'a request id in no answer': {
    manager: { preserve_external_request_id: true },
    bytes: get('/', 'x-request-id: given'),
    fields: ['x-request-id'],
  },
  'a port in the host': {
    ownBody: true,
    domain: 'a.example',
    bytes: get('/').replace('a.example', 'a.example:99'),
  },
  ignore_port_in_host_matching: {
    manager: { ignores_port: true },
    domain: 'a.example',
    bytes: get('/').replace('a.example', 'a.example:99'),
    fields: ['host'],
  },
  strip_any_host_port: {
    manager: { strip_any_host_port: true },
    domain: 'a.example',
    bytes: get('/').replace('a.example', 'a.example:99'),
    fields: ['host'],
  },
};

const format = '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n';

function managersOf(folder: string, side: Side): Readonly<Record<string, object>> {
  return Object.fromEntries(
    Object.entries(cases).map(([name, { domain = '*', manager = {}, route = {} }], at) => {
      const { ignores_port, ...rest } = manager as { readonly ignores_port?: boolean };
      const routes = [{ match: { prefix: '/' }, route: { cluster: 'backend', timeout: '10s', ...route } }];
      const config = {
        ...(ignores_port ? { ignore_port_in_host_matching: true } : {}),
        virtual_hosts: [{ name: 'v', domains: [domain], routes }],
      };
      const access_log = [
        {
          name: 'file',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
            path: join(folder, `${side}-${at}`),
            log_format: { text_format_source: { inline_string: format } },
          },
        },
      ];
      return [name, { ...rest, route_config: { name: `r${at}`, ...config }, access_log }];
    }),
  );
}

/** Answers by the path; never, in part, or with a large head. */
function answerOf(path: string): string {
  const head = 'HTTP/1.1 200 OK\r\n';
  if (path === '/slow') return '';
  if (path === '/garbage') return 'SSH-2.0-OpenSSH\r\n\r\n';
  if (path === '/cut-chunks') return `${head}transfer-encoding: chunked\r\n\r\n5\r\nabc`;
  if (path === '/half' || path === '/cut' || path === '/reset') return `${head}content-length: 10\r\n\r\nabc`;
  const many = Array.from({ length: 9 }, (_, index) => `x-${index}: 1\r\n`).join('');
  const large = path === '/large' ? `x-large: ${'a'.repeat(2_000)}\r\n` : '';
  return `${head}content-length: 2\r\n${path === '/many' ? many : ''}${large}\r\nok`;
}

describeWith(['envoy'], 'times and limits of the connection manager, beside Envoy', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-limits-'));
  let backend: Server;
  let both: Sides;
  /** By the id that each case's requests have for the backend. */
  const seen = new Map<string, string>();

  beforeAll(async () => {
    backend = createServer((socket) => {
      let text = '';
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
        const end = text.indexOf('\r\n\r\n');
        const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
        if (end < 0 || text.length < end + 4 + length) return;
        seen.set(/x-case: (\S+)/i.exec(text)?.[1] ?? '', text);
        const path = text.split(' ')[1] ?? '';
        text = '';
        if (path === '/none') return void socket.end();
        if (path.startsWith('/cut')) return void socket.end(answerOf(path));
        socket.write(answerOf(path));
        if (path === '/reset') setTimeout(() => socket.resetAndDestroy(), 300);
        // Later, so that what came before has left the proxy.
      });
    });
    await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
    const address = backend.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const named = clusterAt('named', port) as { load_assignment: { endpoints: object[] } };
    const endpoint = {
      hostname: 'named.example',
      address: { socket_address: { address: '127.0.0.1', port_value: port } },
    };
    named.load_assignment.endpoints = [{ lb_endpoints: [{ endpoint }] }];
    both = await startSides(
      (side) => managersOf(folder, side),
      [
        clusterAt('backend', port),
        named,
        {
          ...clusterAt('few fields', port),
          ...upstream({ common_http_protocol_options: { max_headers_count: 5 } }),
        },
        {
          ...clusterAt('small heads', port),
          ...upstream({ common_http_protocol_options: { max_response_headers_kb: 1 } }),
        },
      ],
    );
  });

  afterAll(async () => {
    await both?.stop();
    backend?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function play(side: Side, name: string, at: number) {
    const { bytes, ends, fields = [], ownBody } = cases[name]!;
    const id = `${side}-${at}`;
    const client = new RawSocket(both.port(side, name)).send(bytes.replace('\r\n', `\r\nx-case: ${id}\r\n`));
    if (ends) await until(`${name}: the end`, () => client.ended || client.closed);
    else await until(`${name}: an answer`, () => client.answer !== null);
    client.socket.destroy();
    const path = join(folder, id);
    const log = () => readFileSync(path, 'utf8');
    // What was no request has no line, on either side.
    const { answer } = client;
    if (answer !== null) await until(`${name}: a line of the log`, () => log() !== '');
    const lines = (seen.get(id) ?? '').split('\r\n').slice(1);
    return {
      status: answer?.status ?? 0,
      body: ownBody ? '' : (answer?.rest ?? client.received),
      told: fields.map((field) => answer?.fields.get(field) ?? null),
      seen: fields.map((field) => {
        const line = lines.find((each) => each.toLowerCase().startsWith(`${field}: `));
        return line?.replace(`${both.port(side, name)}`, 'the listener’s') ?? null;
      }),
      closes: answer?.fields.get('connection') === 'close',
      log: answer === null ? '' : log(),
    };
  }

  test('all at once', async () => {
    const names = Object.keys(cases);
    const [theirs, ours] = await Promise.all(
      sides.map(async (side) => {
        const outcomes = await Promise.all(names.map((name, at) => play(side, name, at)));
        return Object.fromEntries(outcomes.map((outcome, at) => [names[at], outcome]));
      }),
    );
    expect(ours).toEqual(theirs!);
  });
});
