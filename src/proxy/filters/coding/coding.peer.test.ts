// Buffer, compressor and decompressor beside Envoy's. What was compressed is compared as what it stands for: two
// libraries need not choose the same bytes.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import zlib from 'node:zlib';
import { describeWith } from '../../../testing/programs.ts';
import {
  type Ask,
  BesideEnvoy,
  type Case,
  prefixOf,
  type Seen,
  type Told,
  typed,
} from '../../testing/beside-envoy.ts';

setDefaultTimeout(60_000);

const http = 'envoy.extensions.filters.http';
const text = 'All work and no play makes a dull boy. '.repeat(100);

const encoders: Readonly<Record<string, (text: string) => Uint8Array>> = {
  gzip: (text) => zlib.gzipSync(text),
  br: (text) => zlib.brotliCompressSync(text),
  zstd: (text) => zlib.zstdCompressSync(text),
};
const decoders: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  gzip: (bytes) => zlib.gunzipSync(bytes),
  br: (bytes) => zlib.brotliDecompressSync(bytes),
  zstd: (bytes) => zlib.zstdDecompressSync(bytes),
};

/** By the path: what the application answers. */
function respond(request: Request): Response {
  const { pathname, searchParams } = new URL(request.url);
  const headers = new Headers(searchParams.entries().toArray());
  const type = headers.get('content-type') ?? 'text/plain';
  headers.set('content-type', type);
  if (type === 'none') headers.delete('content-type');
  if (pathname === '/short') return new Response('short', { headers });
  if (pathname === '/empty') return new Response(null, { status: 204, headers });
  const coding = headers.get('content-encoding');
  if (coding !== null) return new Response((encoders[coding] ?? Buffer.from)(text), { headers });
  if (pathname !== '/pieces')
    return new Response(text, { headers, status: Number(pathname.slice(1)) || 200 });
  const pieces = new ReadableStream({
    async start(controller) {
      for (let at = 0; at < text.length; at += 1000) controller.enqueue(text.slice(at, at + 1000));
      controller.close();
    },
  });
  return new Response(pieces, { headers });
}

const library = (
  coding: 'gzip' | 'br' | 'zstd',
  side: 'compressor' | 'decompressor',
  fields: object = {},
) => {
  const [folder, name] = { gzip: ['gzip', 'Gzip'], br: ['brotli', 'Brotli'], zstd: ['zstd', 'Zstd'] }[coding];
  return {
    name: 'lib',
    typed_config: typed(`envoy.extensions.compression.${folder}.${side}.v3.${name}`, fields),
  };
};

function compress(coding: 'gzip' | 'br' | 'zstd', fields: object = {}, name = 'compress'): object {
  const config = { compressor_library: library(coding, 'compressor'), ...fields };
  return { name, typed_config: typed(`${http}.compressor.v3.Compressor`, config) };
}

function decompress(coding: 'gzip' | 'br' | 'zstd', fields: object = {}): object {
  const config = { decompressor_library: library(coding, 'decompressor'), ...fields };
  return { name: 'decompress', typed_config: typed(`${http}.decompressor.v3.Decompressor`, config) };
}

const accepts = (value: string, path = '/'): Ask => ({ path, fields: [`accept-encoding: ${value}`] });
const on = { default_value: true };

const answers: readonly Ask[] = [
  {},
  accepts('gzip'),
  accepts('gzip', '/pieces'),
  accepts('gzip', '/short'),
  accepts('gzip', '/empty'),
  accepts('gzip', '/500'),
  accepts('gzip', '/?content-type=image/png'),
  accepts('gzip', '/?content-type=application/json;charset=utf-8'),
  accepts('gzip', '/?content-type=none'),
  accepts('gzip', '/?etag="strong"'),
  accepts('gzip', '/?etag=W/"weak"'),
  accepts('gzip', '/?vary=Cookie'),
  accepts('gzip', '/?vary=Accept-Encoding'),
  accepts('gzip', '/?cache-control=no-transform'),
  accepts('gzip', '/?content-encoding=br'),
  { ...accepts('gzip'), method: 'HEAD' },
  ...[
    'identity',
    '*',
    'br',
    'br, gzip',
    'gzip;q=0',
    'gzip;q=0, *',
    '*;q=0',
    'gzip;q=0.5, identity',
    'identity;q=0.5, gzip;q=0.4',
    'gzip;q=x',
    'gzip; q = 0.3',
    'GZIP',
    '',
    'deflate, br;q=0.9, gzip;q=0.8, *;q=0.1',
  ].map((value) => accepts(value)),
];
const posts = (coding: string | null): readonly Ask[] => [
  {
    method: 'POST',
    body: coding === null ? text : encoders[coding]!(text),
    ...(coding === null ? {} : { fields: [`content-encoding: ${coding}`] }),
  },
  { method: 'POST', body: 'short' },
  {},
];

const cases: readonly Case[] = [
  ...(['gzip', 'br', 'zstd'] as const).map(
    (coding): Case => ({
      name: `${coding}: answers`,
      filters: [compress(coding)],
      asks: answers.map((each) => ({
        ...each,
        fields: (each.fields ?? []).map((field) => field.replaceAll('gzip', coding)),
      })),
      stats: /compressor/,
    }),
  ),
  {
    name: 'two compressors',
    filters: [compress('br', {}, 'second'), compress('gzip', {}, 'first')],
    asks: ['gzip', 'br', 'gzip, br', 'br, gzip', 'gzip;q=0.1, br;q=0.9', '*', 'br;q=0, *', 'zstd'].map(
      (value) => accepts(value),
    ),
    stats: /compressor/,
  },
  {
    name: 'two compressors, the later one first',
    filters: [compress('br', {}, 'second'), compress('gzip', { choose_first: true }, 'first')],
    asks: ['gzip, br', 'br, gzip', '*'].map((value) => accepts(value)),
    stats: /compressor/,
  },
  {
    name: 'as configured by direction',
    filters: [
      compress('gzip', {
        request_direction_config: { common_config: { enabled: on, min_content_length: 10 } },
        response_direction_config: {
          common_config: { min_content_length: 4, content_type: ['image/png'] },
          disable_on_etag_header: true,
          remove_accept_encoding_header: true,
        },
      }),
    ],
    asks: [
      ...posts(null),
      accepts('gzip'),
      accepts('gzip', '/?content-type=image/png'),
      accepts('gzip', '/short?content-type=image/png'),
      accepts('gzip', '/?content-type=image/png&etag=W/"a"'),
    ],
    stats: /compressor/,
  },
  {
    name: 'off by route',
    filters: [compress('gzip')],
    routes: [
      {
        match: { prefix: '/off' },
        route: { cluster: 'backend' },
        typed_per_filter_config: {
          compress: typed(`${http}.compressor.v3.CompressorPerRoute`, { disabled: true }),
        },
      },
      {
        match: { prefix: '/removed' },
        route: { cluster: 'backend' },
        typed_per_filter_config: {
          compress: typed(`${http}.compressor.v3.CompressorPerRoute`, {
            overrides: { response_direction_config: { remove_accept_encoding_header: true } },
          }),
        },
      },
      { match: { prefix: '/local' }, direct_response: { status: 200, body: { inline_string: text } } },
      { match: { prefix: '/' }, route: { cluster: 'backend' } },
    ],
    asks: ['/', '/off', '/removed', '/local'].map((path) => accepts('gzip', path)),
    stats: /compressor/,
  },
  ...(['gzip', 'br', 'zstd'] as const).map(
    (coding): Case => ({
      name: `${coding}: decompression`,
      filters: [decompress(coding)],
      asks: [
        ...posts(coding),
        accepts('deflate', `/?content-encoding=${coding}`),
        accepts(`${coding};q=0.5`, `/?content-encoding=${coding}&cache-control=no-transform`),
        { path: `/?content-encoding=other` },
        {},
      ],
      stats: /decompressor/,
    }),
  ),
  {
    name: 'decompression of answers alone, transform or not',
    filters: [
      decompress('gzip', {
        request_direction_config: {
          common_config: { enabled: { default_value: false } },
          advertise_accept_encoding: false,
        },
        response_direction_config: { common_config: { ignore_no_transform_header: true } },
      }),
    ],
    asks: [...posts('gzip'), { path: '/?content-encoding=gzip&cache-control=no-transform' }],
    stats: /decompressor/,
  },
  {
    name: 'buffer',
    filters: [
      { name: 'buffer', typed_config: typed(`${http}.buffer.v3.Buffer`, { max_request_bytes: 1000 }) },
    ],
    routes: [
      {
        match: { prefix: '/off' },
        route: { cluster: 'backend' },
        typed_per_filter_config: { buffer: typed(`${http}.buffer.v3.BufferPerRoute`, { disabled: true }) },
      },
      {
        match: { prefix: '/more' },
        route: { cluster: 'backend' },
        typed_per_filter_config: {
          buffer: typed(`${http}.buffer.v3.BufferPerRoute`, { buffer: { max_request_bytes: 5000 } }),
        },
      },
      { match: { prefix: '/' }, route: { cluster: 'backend' } },
    ],
    asks: ['/', '/off', '/more'].flatMap((path) => [
      { path },
      { path, method: 'POST', body: 'x'.repeat(1000) },
      { path, method: 'POST', body: 'x'.repeat(1001) },
      { path, method: 'POST', pieces: ['x'.repeat(500), 'y'.repeat(400)] },
      { path, method: 'POST', pieces: ['x'.repeat(500), 'y'.repeat(501)] },
    ]),
  },
];

function decoded(told: readonly Told[]): readonly unknown[] {
  return told.map(({ answer, seen }) => ({
    answer: typeof answer === 'string' ? answer : decodeMessage(answer),
    seen: seen === null ? null : decodeMessage(seen),
  }));
}

function decodeMessage<T extends Pick<Seen, 'fields' | 'body'>>(message: T): T {
  const decoder = decoders[message.fields['content-encoding'] ?? ''];
  if (decoder === undefined || message.body === '') return message;
  const { 'content-length': _, ...fields } = message.fields;
  return { ...message, fields, body: Buffer.from(decoder(Buffer.from(message.body, 'latin1'))).toString() };
}

describeWith(['envoy'], 'content codings beside Envoy', () => {
  const beside = new BesideEnvoy({ cases, respond });
  beforeAll(() => beside.start());
  afterAll(() => beside.stop());

  for (const [index, { name, stats }] of cases.entries()) {
    test(name, async () => {
      const { envoy, weft } = await beside.play(index);
      expect(decoded(weft)).toEqual([...decoded(envoy)]);
      if (stats === undefined) return;
      const counted = await beside.stats(stats);
      const mine = (lines: readonly string[]) =>
        lines.filter((line) => line.includes(`"${prefixOf(index)}"`) && !/_bytes/.test(line));
      expect(mine(counted.weft)).toEqual(mine(counted.envoy));
    });
  }
});
