import { describe, expect, test } from 'bun:test';
import { headerId, type RequestHead } from '../head.ts';
import { createRequestHead, createResponseHead, createTrailers } from '../made-head.ts';
import { encodeLastChunk, encodeRequestHead, encodeResponseHead } from './encode.ts';
import { bodyChunked, bodyLength, bodyNone } from './framing.ts';
import { ReceivedRequestHead, ReceivedResponseHead } from './head.ts';
import { defaultHttp1Limits } from './limits.ts';
import { HeadReader } from './reader.ts';
import { bytesOf, linesOf, MemorySink } from './test-sinks.ts';

function readRequest(raw: string): ReceivedRequestHead {
  const head = new ReceivedRequestHead();
  const reader = new HeadReader('request', head, defaultHttp1Limits);
  expect(reader.read(bytesOf(raw), 0, raw.length)).toBe(raw.length);
  return head;
}

function readResponse(raw: string): ReceivedResponseHead {
  const head = new ReceivedResponseHead();
  const reader = new HeadReader('response', head, defaultHttp1Limits);
  expect(reader.read(bytesOf(raw), 0, raw.length)).toBe(raw.length);
  return head;
}

function encodeRequest(head: RequestHead, kind: number): string {
  const sink = new MemorySink();
  encodeRequestHead(sink, head, kind);
  return sink.text;
}

const plain = 'GET /a HTTP/1.1\r\nHost: A\r\nX-One: 1\r\n\r\n';
const hops =
  'GET /a HTTP/1.1\r\nConnection: keep-alive\r\nHost: A\r\nTE: trailers\r\nX-One: 1\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nProxy-Connection: x\r\nX-Two: 2\r\nTe: x\r\n\r\n';

const requests: readonly [string, string, (head: RequestHead) => void, number, string][] = [
  ['nothing to do', plain, () => {}, bodyNone, plain],
  [
    'one added',
    plain,
    (head) => head.add('x-two', '2'),
    bodyNone,
    'GET /a HTTP/1.1\r\nHost: A\r\nX-One: 1\r\nx-two: 2\r\n\r\n',
  ],
  [
    'added and removed again',
    plain,
    (head) => {
      head.add('x-two', '2');
      head.add('b3', '0');
      head.removeName('x-two');
      head.remove(headerId.b3);
    },
    bodyNone,
    plain,
  ],
  [
    'first removed',
    plain,
    (head) => head.remove(headerId.host),
    bodyNone,
    'GET /a HTTP/1.1\r\nhost: \r\nX-One: 1\r\n\r\n',
  ],
  ['last removed', plain, (head) => head.removeName('x-one'), bodyNone, 'GET /a HTTP/1.1\r\nHost: A\r\n\r\n'],
  [
    'another path',
    plain,
    (head) => {
      head.path = '/b?c';
    },
    bodyNone,
    'GET /b?c HTTP/1.1\r\nHost: A\r\nX-One: 1\r\n\r\n',
  ],
  [
    'another authority',
    plain,
    (head) => {
      head.authority = 'b:1';
    },
    bodyNone,
    'GET /a HTTP/1.1\r\nhost: b:1\r\nX-One: 1\r\n\r\n',
  ],
  [
    'both',
    plain,
    (head) => {
      head.authority = 'b';
      head.path = '/b';
    },
    bodyNone,
    'GET /b HTTP/1.1\r\nhost: b\r\nX-One: 1\r\n\r\n',
  ],
  [
    'hop-by-hop fields',
    hops,
    () => {},
    bodyNone,
    'GET /a HTTP/1.1\r\nHost: A\r\nX-One: 1\r\nX-Two: 2\r\n\r\n',
  ],
  [
    'absolute form becomes origin form',
    'GET http://B:80?q HTTP/1.1\r\nHost: A\r\nX: 1\r\n\r\n',
    () => {},
    bodyNone,
    'GET /?q HTTP/1.1\r\nhost: B:80\r\nX: 1\r\n\r\n',
  ],
  [
    'OPTIONS in absolute form',
    'OPTIONS http://b HTTP/1.1\r\nHost: A\r\n\r\n',
    () => {},
    bodyNone,
    'OPTIONS * HTTP/1.1\r\nhost: b\r\n\r\n',
  ],
  [
    'HTTP/1.0 becomes 1.1, its expectation goes',
    'POST /a HTTP/1.0\r\nHost: A\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n',
    () => {},
    bodyLength,
    'POST /a HTTP/1.1\r\nHost: A\r\nContent-Length: 1\r\n\r\n',
  ],
  [
    'an expectation passes',
    'POST /a HTTP/1.1\r\nHost: A\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n',
    () => {},
    bodyLength,
    'POST /a HTTP/1.1\r\nHost: A\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n',
  ],
  [
    'chunked stays',
    'POST /a HTTP/1.1\r\nHost: A\r\nTransfer-Encoding: chunked\r\n\r\n',
    () => {},
    bodyChunked,
    'POST /a HTTP/1.1\r\nHost: A\r\nTransfer-Encoding: chunked\r\n\r\n',
  ],
  [
    'chunked goes when there is no body',
    'POST /a HTTP/1.1\r\nHost: A\r\nTransfer-Encoding: chunked\r\n\r\n',
    () => {},
    bodyNone,
    'POST /a HTTP/1.1\r\nHost: A\r\n\r\n',
  ],
  [
    'a removed length becomes chunked',
    'POST /a HTTP/1.1\r\nHost: A\r\nContent-Length: 1\r\n\r\n',
    (head) => head.remove(headerId['content-length']),
    bodyChunked,
    'POST /a HTTP/1.1\r\nHost: A\r\ntransfer-encoding: chunked\r\n\r\n',
  ],
  [
    'nothing but the request line',
    'GET http://x/ HTTP/1.0\r\n\r\n',
    () => {},
    bodyNone,
    'GET / HTTP/1.1\r\nhost: x\r\n\r\n',
  ],
  [
    'a coding spelled another way goes out as everybody reads it',
    'POST / HTTP/1.1\r\nHost: A\r\nTransfer-Encoding: CHUNKED\r\nX: 1\r\n\r\n',
    () => {},
    bodyChunked,
    'POST / HTTP/1.1\r\nHost: A\r\nX: 1\r\ntransfer-encoding: chunked\r\n\r\n',
  ],
];

const responses: readonly [
  string,
  string,
  (head: ReceivedResponseHead) => void,
  number,
  boolean,
  string,
  string,
][] = [
  [
    'nothing to do',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n',
    () => {},
    bodyLength,
    true,
    '',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n',
  ],
  [
    'HTTP/1.0 becomes 1.1',
    'HTTP/1.0 200 Fine\r\nContent-Length: 1\r\n\r\n',
    () => {},
    bodyLength,
    true,
    '',
    'HTTP/1.1 200 Fine\r\nContent-Length: 1\r\n\r\n',
  ],
  [
    'the space before a missing reason',
    'HTTP/1.1 200\r\nContent-Length: 1\r\n\r\n',
    () => {},
    bodyLength,
    true,
    '',
    'HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\n',
  ],
  [
    'hop-by-hop fields and a line of the connection',
    'HTTP/1.1 200 OK\r\nConnection: close\r\nA: 1\r\n\r\n',
    (head) => head.add('server', 's'),
    bodyChunked,
    true,
    'connection: close\r\n',
    'HTTP/1.1 200 OK\r\nA: 1\r\nserver: s\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n',
  ],
  [
    'a length that may not be',
    'HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n',
    () => {},
    bodyNone,
    false,
    '',
    'HTTP/1.1 204 No\r\n\r\n',
  ],
];

describe('received requests', () => {
  for (const [name, raw, edit, kind, expected] of requests) {
    test(name, () => {
      const head = readRequest(raw);
      edit(head);
      expect(encodeRequest(head, kind)).toBe(expected);
      // A retry writes the same head again.
      expect(encodeRequest(head, kind)).toBe(expected);
    });
  }
});

describe('received responses', () => {
  for (const [name, raw, edit, kind, keepLength, extra, expected] of responses) {
    test(name, () => {
      const head = readResponse(raw);
      edit(head);
      const sink = new MemorySink();
      encodeResponseHead(sink, head, kind, keepLength, extra);
      expect(sink.text).toBe(expected);
    });
  }
});

describe('heads of ours', () => {
  test('a request, without what the encoder decides', () => {
    const head = createRequestHead('PUT', 'a', '/', [
      ['Host', 'b'],
      ['connection', 'x'],
      ['Transfer-Encoding', 'gzip'],
      ['X', '1'],
    ]);
    expect(encodeRequest(head, bodyChunked)).toBe(
      'PUT / HTTP/1.1\r\nhost: a\r\nx: 1\r\ntransfer-encoding: chunked\r\n\r\n',
    );
  });

  test('edits', () => {
    const head = createResponseHead(200, [
      ['a', '1'],
      ['server', 's'],
      ['a', '2'],
    ]);
    head.add('b', '3');
    expect(head.getName('a')).toBe('1, 2');
    expect(head.get(headerId.server)).toBe('s');
    head.removeName('a');
    head.remove(headerId.server);
    expect(head.getName('a')).toBeNull();
    expect(head.get(headerId.server)).toBeNull();
    expect(linesOf(head)).toEqual(['b: 3']);
  });

  test('trailers', () => {
    expect(encodeLastChunk(null)).toBe('0\r\n\r\n');
    expect(
      encodeLastChunk(
        createTrailers([
          ['grpc-status', '0'],
          ['content-length', '5'],
          ['host', 'x'],
        ]),
      ),
    ).toBe('0\r\ngrpc-status: 0\r\n\r\n');
  });
});

describe('the view of a received head', () => {
  const raw =
    'GET /p?q HTTP/1.1\r\nHost: a\r\nX-Thing: 1\r\nX-Forwarded-For: 1.1.1.1\r\nx-thing:\t2 \r\nX-FORWARDED-FOR: 2.2.2.2\r\nX-Empty:\r\n\r\n';

  test('lookups by id and by name', () => {
    const head = readRequest(raw);
    expect(head.count).toBe(6);
    expect(head.get(headerId.host)).toBe('a');
    expect(head.find(headerId['x-forwarded-for'])).toBe(2);
    expect(head.findName('x-forwarded-for')).toBe(2);
    expect(head.getName('x-forwarded-for')).toBe('1.1.1.1, 2.2.2.2');
    expect(head.findName('x-thing')).toBe(1);
    expect(head.getName('x-thing')).toBe('1, 2');
    expect(head.getName('x-empty')).toBe('');
    expect(head.getName('x-none')).toBeNull();
    expect(head.get(headerId.traceparent)).toBeNull();
    expect(head.nameAt(4)).toBe('x-forwarded-for');
    expect(head.nameAt(3)).toBe('x-thing');
    expect([head.method, head.scheme, head.authority, head.path, head.version]).toEqual([
      'GET',
      '',
      'a',
      '/p?q',
      1,
    ]);
  });

  test('edits are seen and indices stay', () => {
    const head = readRequest(raw);
    head.remove(headerId['x-forwarded-for']);
    head.add('x-forwarded-for', '3.3.3.3');
    head.add('x-other', 'o');
    expect(head.getName('x-forwarded-for')).toBe('3.3.3.3');
    expect(head.find(headerId['x-forwarded-for'])).toBe(6);
    expect(head.isRemoved(2)).toBe(true);
    expect(head.valueAt(6)).toBe('3.3.3.3');
    expect(head.getName('x-other')).toBe('o');
    head.removeName('x-other');
    head.removeName('x-thing');
    expect(head.findName('x-other')).toBe(-1);
    expect(linesOf(head)).toEqual(['host: a', 'x-empty: ', 'x-forwarded-for: 3.3.3.3']);
  });

  test('reset forgets everything', () => {
    const head = readRequest(raw);
    head.add('b3', '1');
    head.authority = 'z';
    head.reset();
    expect(head.count).toBe(0);
    for (const id of Object.values(headerId)) expect(head.find(id)).toBe(-1);
    expect(head.authority).toBe('');
  });

  test('more lines than the arrays start with', () => {
    const fields = Array.from({ length: 99 }, (_, index) => `X-${index}: ${index}\r\n`).join('');
    const head = readRequest(`GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
    expect(head.getName('x-98')).toBe('98');
    expect(head.count).toBe(100);
  });

  test('framing fields are not for editing', () => {
    for (const name of ['host', 'transfer-encoding', 'connection']) {
      expect(() => readRequest(plain).add(name, 'x')).toThrow('bug:');
    }
    expect(() =>
      readRequest('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n').add('content-length', '2'),
    ).toThrow('bug:');
  });
});
