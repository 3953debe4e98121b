// Content codings over the real data path in virtual time: whole, cut, hostile and slow bodies; and the coders alone,
// fed at every split.

import { describe, expect, test } from 'bun:test';
import zlib from 'node:zlib';
import type { CoderConfig, Coding, FilterConfig } from '../../config/filter-types.ts';
import { TransformError } from '../../exchange/index.ts';
import { httpOptions, listenerConfig } from '../../testing/configs.ts';
import type { Respond } from '../../testing/peers.ts';
import { World } from '../../testing/world.ts';
import { chooseCoding } from './accept-encoding.ts';
import { createCompressor, createDecompressor } from './content-coder.ts';

const coders: readonly CoderConfig[] = [
  { coding: 'gzip', level: 6, memoryLevel: 5, strategy: 0, windowBits: 12 },
  { coding: 'br', quality: 3, mode: 0, windowBits: 18, blockBits: 24, plainLiterals: false },
  { coding: 'zstd', level: 3, checksum: true, strategy: 0 },
];
const encoders: Readonly<Record<Coding, (text: string) => Uint8Array>> = {
  gzip: (text) => zlib.gzipSync(text),
  br: (text) => zlib.brotliCompressSync(text, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 } }),
  zstd: (text) => zlib.zstdCompressSync(text),
};

const direction = { enabled: true, ignoresNoTransform: false };
const side = { enabled: true, configured: false, bytesMin: 30, types: ['text/plain'] };

function compressor(coder: CoderConfig): FilterConfig {
  return {
    kind: 'compressor',
    coding: coder.coding,
    coder,
    libraryName: 'lib',
    chooseFirst: false,
    removesAcceptEncoding: false,
    disabledByEtag: false,
    request: { ...side, enabled: false },
    response: side,
  };
}

function decompressor(coding: Coding): FilterConfig {
  return {
    kind: 'decompressor',
    coding,
    ratioMax: 100,
    libraryName: 'lib',
    advertises: true,
    request: direction,
    response: direction,
  };
}

function serve(configs: readonly FilterConfig[], respond?: Respond) {
  const world = new World();
  const origin = world.origin(respond);
  const filters = configs.map((config, index) => ({ name: `f${index}`, disabled: false, config }));
  world.serve([origin], { listeners: [listenerConfig({ http: httpOptions({ filters }) })] });
  return { world, origin };
}

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const bodyOf = (message: string) => message.slice(message.indexOf('\r\n\r\n') + 4);

function unchunk(text: string): Buffer {
  const chunks = text.matchAll(/([0-9a-f]+)\r\n/g);
  let at = 0;
  const parts: string[] = [];
  for (const chunk of chunks) {
    if (chunk.index < at) continue;
    const start = chunk.index + chunk[0].length;
    parts.push(text.slice(start, start + Number.parseInt(chunk[1] ?? '', 16)));
    at = start + Number.parseInt(chunk[1] ?? '', 16) + 2;
  }
  return Buffer.from(parts.join(''), 'latin1');
}

describe('a coder', () => {
  const text = 'the quick brown fox. '.repeat(40);
  for (const config of coders) {
    const { coding } = config;
    test(`${coding}: at every split, the same comes out`, () => {
      const bytes = encoders[coding](text);
      for (let split = 0; split <= bytes.length; split++) {
        const coder = createDecompressor(coding, 1000);
        const parts = [coder.write(bytes, 0, split).slice(), coder.write(bytes, split, bytes.length).slice()];
        expect(Buffer.concat([...parts, coder.end()]).toString()).toBe(text);
      }
    });

    test(`${coding}: what goes in a piece comes out with it`, () => {
      const to = createCompressor(config);
      const from = createDecompressor(coding, 1000);
      const input = Buffer.from(text);
      for (const [start, end] of [
        [0, 1],
        [1, 300],
        [300, 300],
        [300, input.length],
      ] as const) {
        const coded = to.write(input, start, end);
        expect(latin1(from.write(coded, 0, coded.length))).toBe(text.slice(start, end));
      }
      const last = to.end();
      expect(latin1(from.write(last, 0, last.length)) + latin1(from.end())).toBe('');
    });

    test(`${coding}: garbage and half a body are faults`, () => {
      const garbage = Buffer.from('this is not compressed, whatever it says');
      expect(() => createDecompressor(coding, 100).write(garbage, 0, garbage.length)).toThrow(TransformError);
      const bytes = encoders[coding](text);
      for (let length = 1; length < bytes.length; length++) {
        const half = createDecompressor(coding, 100);
        half.write(bytes, 0, length);
        expect(() => half.end()).toThrow(TransformError);
      }
    });

    test(`${coding}: few bytes that stand for very many end at the ratio`, () => {
      const bomb = encoders[coding]('0'.repeat(5_000_000));
      const coder = createDecompressor(coding, 100);
      expect(() => coder.write(bomb, 0, bomb.length)).toThrow('more than 100 times its size');
      expect(coder.made).toBeLessThan(bomb.length * 100 + 512 * 1024);
    });
  }
});

describe('a request', () => {
  const post = (body: string, fields: readonly string[]) => ['POST', body, fields] as const;

  test('goes on decoded, chunked, without the coding', () => {
    const { world, origin } = serve([decompressor('gzip')]);
    const [, body, fields] = post(latin1(encoders.gzip('hello '.repeat(50))), ['content-encoding: gzip']);
    const client = world.client().post('/', body, fields);
    world.run(50);
    expect(client.statuses).toEqual([200]);
    const [received = ''] = origin.requests;
    expect(received).not.toContain('content-encoding');
    expect(unchunk(bodyOf(received)).toString()).toBe('hello '.repeat(50));
    world.expectSettled();
  });

  test('of garbage is refused as the client’s fault, and nobody has half of it', () => {
    const { world, origin } = serve([decompressor('gzip')]);
    const client = world.client().post('/', 'not gzip at all', ['content-encoding: gzip']);
    world.run(50);
    expect(client.statuses).toEqual([400]);
    expect(origin.requests).toEqual([]);
    world.expectSettled();
  });

  test('that is a bomb is refused', () => {
    const { world, origin } = serve([decompressor('br')]);
    const bomb = latin1(encoders.br('0'.repeat(5_000_000)));
    const client = world.client().post('/', bomb, ['content-encoding: br']);
    world.run(50);
    expect(client.statuses).toEqual([400]);
    expect(origin.requests).toEqual([]);
    world.expectSettled();
  });

  test('is decoded before it is measured: the buffer sees what the application will', () => {
    const { world, origin } = serve([decompressor('gzip'), { kind: 'buffer', bytesMax: 1000 }]);
    const coded = (length: number) => latin1(encoders.gzip('x'.repeat(length)));
    const small = world.client().post('/', coded(1000), ['content-encoding: gzip']);
    const large = world.client().post('/', coded(1001), ['content-encoding: gzip']);
    world.run(50);
    expect([small.statuses, large.statuses]).toEqual([[200], [413]]);
    expect(origin.requests.map((request) => bodyOf(request))).toEqual(['x'.repeat(1000)]);
    expect(origin.requests[0]).toContain('content-length: 1000');
    world.expectSettled();
  });
});

describe('an answer', () => {
  const accept = ['accept-encoding: gzip'];

  test('comes in pieces as they are made: an event is not held back by the next', () => {
    let send: (text: string) => void = () => {};
    const { world } = serve([compressor(coders[0]!)], (connection) => {
      connection.send('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n');
      send = (text) => connection.send(`${text.length.toString(16)}\r\n${text}\r\n`);
    });
    const client = world.client().get('/', accept);
    world.run(20);
    send('first event');
    world.run(20);
    const reader = createDecompressor('gzip', 100);
    const read = () => {
      const bytes = unchunk(bodyOf(client.received));
      return latin1(reader.write(bytes, reader.received, bytes.length));
    };
    expect(read()).toBe('first event');
    send('second event');
    world.run(20);
    expect(read()).toBe('second event');
  });

  test('that is garbage under its coding is cut off, not passed on as if it were whole', () => {
    const { world } = serve([decompressor('gzip')], (connection) =>
      connection.reply(200, 'garbage', ['content-encoding: gzip']),
    );
    const client = world.client().get('/');
    world.run(50);
    expect(client.received).not.toContain('0\r\n\r\n');
    expect(client.closed).toBe('broken');
    world.expectSettled();
  });

  test('that ends early is cut off', () => {
    const bytes = latin1(encoders.gzip('text '.repeat(1000)));
    const { world } = serve([decompressor('gzip')], (connection) =>
      connection.reply(200, bytes.slice(0, -9), ['content-encoding: gzip']),
    );
    const client = world.client().get('/');
    world.run(50);
    expect(client.closed).toBe('broken');
    world.expectSettled();
  });

  test('decoded and compressed anew keeps its text', () => {
    const text = 'again and again '.repeat(500);
    const { world } = serve([compressor(coders[2]!), decompressor('gzip')], (connection) =>
      connection.reply(200, latin1(encoders.gzip(text)), [
        'content-encoding: gzip',
        'content-type: text/plain',
      ]),
    );
    const client = world.client().get('/', ['accept-encoding: zstd']);
    world.run(50);
    expect(client.received).toContain('content-encoding: zstd');
    expect(zlib.zstdDecompressSync(unchunk(bodyOf(client.received))).toString()).toBe(text);
    world.expectSettled();
  });
});

describe('Accept-Encoding', () => {
  const cases: readonly (readonly [
    accept: string | null,
    offered: string,
    why: string,
    coding: string | null,
  ])[] = [
    [null, 'gzip', 'none', null],
    ['', 'gzip', 'invalid', null],
    ['gzip', 'gzip', 'coding', 'gzip'],
    ['gzip;q=0', 'gzip', 'invalid', null],
    ['gzip;q=0,*', 'gzip', 'invalid', null],
    ['gzip;q=0,*', 'gzip br', 'wildcard', 'br'],
    ['*', 'gzip br', 'wildcard', 'gzip'],
    ['identity', 'gzip', 'identity', null],
    ['gzip;q=.5, br;q=0.51', 'gzip br', 'coding', 'br'],
    ['gzip;q=high', 'gzip', 'invalid', null],
    [',,gzip,', 'gzip', 'coding', 'gzip'],
  ];
  for (const [accept, offered, why, coding] of cases) {
    test(`${accept} of ${offered}`, () =>
      expect(chooseCoding(accept, offered.split(' '))).toEqual({ why, coding } as ReturnType<
        typeof chooseCoding
      >));
  }
});

describe('buffer', () => {
  test('nothing reaches the application before the last byte', () => {
    const { world, origin } = serve([{ kind: 'buffer', bytesMax: 1000 }]);
    const client = world.client().send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\nabc');
    world.run(5_000);
    expect(origin.accepted).toBe(0);
    client.send('def');
    world.run(50);
    expect(client.statuses).toEqual([200]);
    expect(origin.requests).toHaveLength(1);
    world.expectSettled();
  });

  test('what is said to be too long is refused before it is sent', () => {
    const { world, origin } = serve([{ kind: 'buffer', bytesMax: 1000 }]);
    const client = world.client().send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1001\r\n\r\n');
    world.run(50);
    expect(client.statuses).toEqual([413]);
    expect(origin.accepted).toBe(0);
  });

  test('a client that leaves meanwhile leaves nothing behind', () => {
    const { world, origin } = serve([{ kind: 'buffer', bytesMax: 1000 }]);
    const client = world.client().send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\nabc');
    world.run(50);
    client.socket.reset();
    world.run(50);
    expect(origin.accepted).toBe(0);
    world.expectSettled();
  });
});
