// What connections accept and how they write under other rules than the defaults; every case is split at every point.

import { describe, expect, test } from 'bun:test';
import { createRequestHead, createResponseHead } from '../made-head.ts';
import type { ServerStream } from '../stream.ts';
import { encodeRequestHead } from './encode.ts';
import { bodyChunked, bodyNone } from './framing.ts';
import { ReceivedRequestHead } from './head.ts';
import { defaultHttp1Limits } from './limits.ts';
import { encodeProperRequest } from './proper-case.ts';
import { HeadReader } from './reader.ts';
import type { Http1Rules } from './rules.ts';
import { Http1ServerCodec } from './server.ts';
import { bytesOf, MemorySink, StoryServerHost } from './test-sinks.ts';

function limitsWith(rules: Partial<Http1Rules>) {
  return { ...defaultHttp1Limits, rules: { ...defaultHttp1Limits.rules, ...rules } };
}

function play(raw: string, rules: Partial<Http1Rules>, cuts: readonly number[]) {
  const sink = new MemorySink();
  const host = new StoryServerHost((stream: ServerStream) => {
    stream.sendResponse(createResponseHead(200, [['x-some-name', '1']]), true);
    return null;
  });
  const codec = new Http1ServerCodec(sink, host, limitsWith(rules), true);
  let start = 0;
  for (const cut of [...cuts, raw.length]) {
    if (cut > start) codec.receive(bytesOf(raw.slice(start, cut)));
    start = cut;
  }
  return { events: host.events, answer: sink.text };
}

const post = 'POST / HTTP/1.1\r\nhost: a\r\n';
const cases: readonly (readonly [
  name: string,
  rules: Partial<Http1Rules>,
  raw: string,
  event: string,
  answer: string,
])[] = [
  [
    'HTTP/1.0 refused',
    { http10: false },
    'GET / HTTP/1.0\r\n\r\n',
    'refused 426',
    'HTTP/1.1 426 Upgrade Required\r\n',
  ],
  [
    '426 says what to upgrade to',
    { http10: false },
    'GET / HTTP/1.0\r\n\r\n',
    'HTTP/1.0 is not served here',
    'connection: close, upgrade\r\nupgrade: HTTP/1.1\r\n',
  ],
  ['HTTP/1.0 without a host', {}, 'GET / HTTP/1.0\r\n\r\n', 'Host is missing', 'HTTP/1.1 400'],
  [
    'a host for HTTP/1.0',
    { hostForHttp10: 'own.example' },
    'GET /a HTTP/1.0\r\n\r\n',
    'request GET |own.example|/a 1.0 [] end',
    'HTTP/1.1 200',
  ],
  [
    'a host that HTTP/1.0 names stays',
    { hostForHttp10: 'own.example' },
    'GET /a HTTP/1.0\r\nhost: b\r\n\r\n',
    'request GET |b|/a 1.0 [host: b] end',
    'HTTP/1.1 200',
  ],
  [
    'HTTP/1.1 names its host',
    { hostForHttp10: 'a' },
    'GET / HTTP/1.1\r\n\r\n',
    'Host is missing',
    'HTTP/1.1 400',
  ],
  [
    'a method that nobody knows',
    { customMethods: false },
    'FOO / HTTP/1.1\r\nhost: a\r\n\r\n',
    'refused 400: method is not one that is commonly known',
    'HTTP/1.1 400',
  ],
  [
    'a method in other letters',
    { customMethods: false },
    'get / HTTP/1.1\r\nhost: a\r\n\r\n',
    'refused 400',
    '400',
  ],
  [
    'a method of WebDAV',
    { customMethods: false },
    'PROPFIND / HTTP/1.1\r\nhost: a\r\n\r\n',
    'request PROPFIND |a|/ 1.1 [host: a] end',
    'HTTP/1.1 200',
  ],
  [
    'a method of one’s own',
    {},
    'FOO / HTTP/1.1\r\nhost: a\r\n\r\n',
    'request FOO |a|/ 1.1 [host: a] end',
    '200',
  ],
  [
    'a whole URL refused',
    { absoluteForm: false },
    'GET http://b/ HTTP/1.1\r\nhost: a\r\n\r\n',
    'refused 404: request target is a whole URL, which is not served here',
    'HTTP/1.1 404',
  ],
  [
    'a length beside chunks',
    { lengthBesideChunks: true },
    `${post}content-length: 9\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`,
    'request POST |a|/ 1.1 [host: a, transfer-encoding: chunked]',
    'connection: close\r\n',
  ],
  [
    'a length beside chunks refused',
    {},
    `${post}content-length: 9\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`,
    'refused 400',
    'HTTP/1.1 400',
  ],
  [
    'two lengths beside chunks',
    { lengthBesideChunks: true },
    `${post}content-length: 9\r\ncontent-length: 8\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    'refused 400',
    'HTTP/1.1 400',
  ],
  [
    'names of an answer in proper case',
    { properCase: true },
    'GET / HTTP/1.0\r\nhost: a\r\n\r\n',
    'request GET',
    'HTTP/1.1 200 OK\r\nX-Some-Name: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
  ],
];

describe('requests', () => {
  test.each(cases)('%s', (_, rules, raw, event, answer) => {
    const whole = play(raw, rules, []);
    expect(whole.events[0]).toContain(event);
    expect(whole.answer).toContain(answer);
    for (let cut = 1; cut < raw.length; cut++) {
      const split = play(raw, rules, [cut]);
      expect([cut, split.events[0], split.answer]).toEqual([cut, whole.events[0]!, whole.answer]);
    }
    const bytewise = play(
      raw,
      rules,
      Array.from(raw, (_char, at) => at),
    );
    expect([bytewise.events[0], bytewise.answer]).toEqual([whole.events[0]!, whole.answer]);
  });
});

function received(raw: string): ReceivedRequestHead {
  const head = new ReceivedRequestHead();
  const reader = new HeadReader('request', head, defaultHttp1Limits);
  reader.read(bytesOf(raw), 0, raw.length);
  return head;
}

describe('requests as to a forward proxy', () => {
  const made = (path: string, fields: readonly [string, string][] = []) =>
    createRequestHead('GET', 'a.example', path, fields);
  test.each([
    ['origin form', received('GET /a?b HTTP/1.1\r\nHost: a:1\r\n\r\n'), 'GET http://a:1/a?b HTTP/1.1\r\n'],
    [
      'the scheme that was said before',
      received('GET / HTTP/1.1\r\nhost: a\r\nx-forwarded-proto: HTTPS\r\n\r\n'),
      'GET https://a/ HTTP/1.1\r\n',
    ],
    [
      'absolute form',
      received('GET https://b/x HTTP/1.1\r\nhost: a\r\n\r\n'),
      'GET https://b/x HTTP/1.1\r\n',
    ],
    [
      'of the server as a whole',
      received('OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n'),
      'OPTIONS http://a HTTP/1.1\r\n',
    ],
    ['CONNECT', received('CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n'), 'CONNECT a:1 HTTP/1.1\r\n'],
    ['a made head', made('/x'), 'GET http://a.example/x HTTP/1.1\r\n'],
  ])('%s', (_, head, line) => {
    const sink = new MemorySink();
    encodeRequestHead(sink, head, bodyNone, true);
    expect(sink.text).toStartWith(line);
  });
});

test('names of requests in proper case, values and the start line as they were', () => {
  const sink = new MemorySink();
  const raw = 'POST /a:b-c HTTP/1.1\r\nhost: a-b\r\nX-lower-CASE: x-y: z\r\nx--a-1b-!c_d: 3\r\n\r\n';
  encodeProperRequest(sink, received(raw), bodyChunked, false);
  expect(sink.text).toBe(
    'POST /a:b-c HTTP/1.1\r\nHost: a-b\r\nX-Lower-CASE: x-y: z\r\nX--A-1b-!C_D: 3\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
});
