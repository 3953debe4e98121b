// Http1ProtocolOptions of both sides, beside Envoy: the same bytes, and what the backend saw and the client got.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { createServer, type Server } from 'node:net';
import { describeWith } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { RawSocket } from './testing/raw-socket.ts';
import { clusterAt, routesOf, type Side, type Sides, sides, startSides } from './testing/side-by-side.ts';

setDefaultTimeout(60_000);

const preserveCase = {
  stateful_formatter: {
    name: 'preserve_case',
    typed_config: {
      '@type':
        'type.googleapis.com/envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig',
    },
  },
};
const properCase = { proper_case_words: {} };

/** What each listener says, and to which cluster it goes. */
const listeners: Readonly<Record<string, { readonly options?: object; readonly cluster?: string }>> = {
  plain: {},
  http10: { options: { accept_http_10: true } },
  'http10 with a host': { options: { accept_http_10: true, default_host_for_http_10: 'own.example' } },
  'custom methods': { options: { allow_custom_methods: true } },
  'length beside chunks': { options: { allow_chunked_length: true } },
  'no whole URLs': { options: { allow_absolute_url: false } },
  'proper case': { options: { header_key_format: properCase }, cluster: 'proper' },
  'case kept': { options: { header_key_format: preserveCase }, cluster: 'kept' },
  'whole URLs upstream': { cluster: 'whole' },
};
const upstreams: Readonly<Record<string, object>> = {
  backend: {},
  proper: { header_key_format: properCase },
  kept: { header_key_format: preserveCase },
  whole: { send_fully_qualified_url: true },
};

const post = 'POST / HTTP/1.1\r\nhost: a.example\r\n';
const chunks = 'transfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n';
const asks: readonly string[] = [
  'GET / HTTP/1.0\r\n\r\n',
  'GET / HTTP/1.0\r\nhost: b.example\r\n\r\n',
  'GET /a HTTP/1.0\r\nhost: b.example\r\nconnection: keep-alive\r\n\r\n',
  'HEAD / HTTP/1.0\r\nhost: b.example\r\nConnection: close\r\n\r\n',
  'GET http://c.example/ HTTP/1.0\r\nhost: b.example\r\n\r\n',
  'FOO / HTTP/1.1\r\nhost: a.example\r\n\r\n',
  'get / HTTP/1.1\r\nhost: a.example\r\n\r\n',
  ...['PURGE', 'PROPFIND', 'TRACE', 'LINK', 'MSEARCH', 'UNSUBSCRIBE'].map(
    (method) => `${method} / HTTP/1.1\r\nhost: a.example\r\n\r\n`,
  ),
  'GET http://c.example/x?y HTTP/1.1\r\nhost: a.example\r\n\r\n',
  'GET https://c.example HTTP/1.1\r\nhost: a.example\r\n\r\n',
  'GET /x HTTP/1.1\r\nhost: a.example\r\nx-forwarded-proto: https\r\n\r\n',
  `${post}content-length: 9\r\n${chunks}`,
  `${post}content-length: 9\r\ncontent-length: 9\r\n${chunks}`,
  `${post}${chunks}`,
  'GET / HTTP/1.1\r\nHOST: A.example\r\nx-Some-name: 1\r\nx--a-1b-!c_d: 2\r\n\r\n',
];

/** Of the fields that arrive in some case of their own. */
const cased = /^(host|x-some|x--a|x-mixed|content-length)/i;

describeWith(['envoy'], 'HTTP/1 options, beside Envoy', () => {
  let backend: Server;
  let both: Sides;
  let seen = '';

  beforeAll(async () => {
    backend = createServer((socket) => {
      let text = '';
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
        if (!/\r\n\r\n$/.test(text) || (/chunked/i.test(text) && !text.endsWith('0\r\n\r\n'))) return;
        seen = text;
        socket.end('HTTP/1.1 200 OK\r\nX-Mixed-case: 1\r\nContent-Length: 2\r\n\r\nok');
      });
    });
    await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
    const address = backend.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const managers = Object.fromEntries(
      Object.entries(listeners).map(([name, { options, cluster = 'backend' }]) => [
        name,
        {
          route_config: routesOf({ match: { prefix: '/' }, route: { cluster } }),
          ...(options === undefined ? {} : { http_protocol_options: options }),
        },
      ]),
    );
    const clusters = Object.entries(upstreams).map(([name, options]) => ({
      ...clusterAt(name, port),
      typed_extension_protocol_options: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
          '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
          explicit_http_config: { http_protocol_options: options },
        },
      },
    }));
    both = await startSides(managers, clusters);
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
    const status = client.answer?.status;
    const [line = '', ...fields] = seen.split('\r\n');
    const names = (lines: readonly string[]) =>
      lines.filter((field) => cased.test(field)).map((field) => nameIn(field, listener));
    const body = seen.slice(seen.indexOf('\r\n\r\n') + 4);
    const answered = client.received.split('\r\n\r\n', 1)[0]?.split('\r\n').slice(1) ?? [];
    // How nothing is framed, and the texts of refusals, are not compared.
    const framing = (name: string) => name.toLowerCase() === 'content-length';
    return {
      status,
      line,
      host: fields.find((field) => /^host:/i.test(field))?.slice(5) ?? '',
      body,
      sent: names(fields)
        .filter((name) => !framing(name))
        .sort(),
      answered: status === 200 ? names(answered).sort() : [],
    };
  }

  /** Elsewhere Envoy writes in lower case what Weft passes on as it came. */
  function nameIn(field: string, listener: string): string {
    const name = field.slice(0, field.indexOf(':'));
    // Envoy never changes the case of the host's name.
    return listener.includes('case') && !/^host$/i.test(name) ? name : name.toLowerCase();
  }

  for (const listener of Object.keys(listeners)) {
    test(listener, async () => {
      const outcomes = [];
      for (const side of sides) {
        const told = [];
        for (const bytes of asks)
          told.push([bytes.split('\r\n').slice(0, 3), await play(side, listener, bytes)]);
        outcomes.push(told);
      }
      expect(outcomes[1]).toEqual(outcomes[0]!);
    });
  }
});
