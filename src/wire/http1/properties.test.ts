import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import fc from 'fast-check';
import { effortTimeoutMs, runs } from '../../testing/effort.ts';
import type { RequestHead } from '../head.ts';
import { createRequestHead, createResponseHead } from '../made-head.ts';
import { Http1ClientCodec } from './client.ts';
import { responseCases } from './client-cases.ts';
import { defaultHttp1Limits } from './limits.ts';
import { parseRequestPlain } from './plain-parser.ts';
import { Http1ServerCodec } from './server.ts';
import { requestCases } from './server-cases.ts';
import {
  bytesOf,
  linesOf,
  MemorySink,
  StoryClientHost,
  StoryReceiver,
  StoryServerHost,
} from './test-sinks.ts';

setDefaultTimeout(effortTimeoutMs);

const seed = 20240611;
const hopByHop = /^(connection|keep-alive|proxy-connection|te|upgrade|transfer-encoding): /;

function feedServer(raw: string, cuts: readonly number[] = []): StoryServerHost {
  const host = new StoryServerHost();
  const codec = new Http1ServerCodec(new MemorySink(), host, defaultHttp1Limits, true);
  let start = 0;
  for (const cut of [...cuts, raw.length]) {
    if (cut <= start) continue;
    codec.receive(bytesOf(raw.slice(start, cut)));
    start = cut;
  }
  return host;
}

/** Messages of the case tables with a few bytes changed, dropped, doubled, or spliced in from other messages. */
function mutated(raws: readonly string[]): fc.Arbitrary<string> {
  const interesting = [
    '\r',
    '\n',
    '\r\n',
    '\0',
    ' ',
    '\t',
    ':',
    ',',
    ';',
    '"',
    '\x0b',
    '\x7f',
    '\x80',
    '\xff',
    '0',
    'a',
    'Host: b\r\n',
    'Content-Length: 3\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Connection: close\r\n',
  ];
  const edit = fc.record({
    at: fc.nat(),
    dropped: fc.integer({ min: 0, max: 3 }),
    text: fc.oneof(fc.constantFrom(...interesting), fc.constantFrom(...raws), fc.constant('')),
  });
  return fc
    .tuple(fc.constantFrom(...raws), fc.array(edit, { minLength: 0, maxLength: 3 }))
    .map(([raw, edits]) => {
      let text = raw;
      for (const { at, dropped, text: added } of edits) {
        const place = text.length === 0 ? 0 : at % (text.length + 1);
        text = text.slice(0, place) + added + text.slice(place + dropped);
      }
      return text;
    });
}

const mutatedRequest = mutated(requestCases.map(({ raw }) => raw));
const mutatedResponse = mutated(responseCases.map(({ raw }) => raw).filter((raw) => raw.length < 500));

/** Head, body and end of the first request, as the oracle tells it. */
function firstRequest(events: readonly string[]): string | null {
  const refusal = events.findIndex((event) => event.startsWith('refused'));
  const end = events.findIndex(
    (event, index) => (index === 0 && event.endsWith(' end')) || event.startsWith('end'),
  );
  if (end === -1 || (refusal !== -1 && refusal < end)) return null;
  const body = events.slice(0, end + 1).find((event) => event.startsWith('body '));
  return `${events[0]!.split(' ')[1]} ${body?.slice(5) ?? ''}`;
}

describe('requests', () => {
  test('the codec accepts what the plain parser accepts, and reads the same', () => {
    let acceptedCount = 0;
    fc.assert(
      fc.property(mutatedRequest, (raw) => {
        const told = firstRequest(feedServer(raw).events);
        const plain = parseRequestPlain(raw);
        expect(told).toBe(plain === null ? null : `${plain.method} ${plain.body}`);
        if (plain !== null) acceptedCount++;
      }),
      { seed, numRuns: runs(8000) },
    );
    // The property says little if hardly anything is accepted.
    expect(acceptedCount).toBeGreaterThan(runs(8000) / 20);
  });

  test('however the bytes are cut, the story is the same', () => {
    fc.assert(
      fc.property(mutatedRequest, fc.array(fc.nat(400), { maxLength: 6 }), (raw, cuts) => {
        cuts.sort((left, right) => left - right);
        const usable = cuts.filter((cut) => cut < raw.length);
        expect(feedServer(raw, usable).events).toEqual(feedServer(raw).events as string[]);
      }),
      { seed, numRuns: runs(5000) },
    );
  });

  test('random bytes never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        feedServer(String.fromCharCode(...bytes));
      }),
      { seed, numRuns: runs(3000) },
    );
  });

  test('what is accepted goes out as a message that reads the same', () => {
    fc.assert(
      fc.property(mutatedRequest, fc.boolean(), fc.boolean(), (raw, editsAuthority, editsPath) => {
        const host = feedServer(raw);
        const head = host.head;
        if (head === null) return;
        const received = host.events[0]!.endsWith(' end');
        // Without any authority an empty Host goes out, as RFC 9112 section 3.2 asks; nobody takes that for a service.
        if (editsAuthority || head.authority === '') head.authority = 'other:1';
        // CONNECT has none.
        if (editsPath && head.path !== '') head.path = '/other?path';
        head.add('x-request-id', '1');
        const again = feedServer(forward(head, received));
        expect(again.head).not.toBeNull();
        expect(again.events.some((event) => event.startsWith('refused'))).toBe(false);
        expect(describeForwarded(again.head!)).toEqual(describeExpected(head));
      }),
      { seed, numRuns: runs(5000) },
    );
  });

  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/).map((text) => `x-${text}`);
  const value = fc.stringMatching(/^([!-~]([\t -~\x80-\xff]{0,20}[!-~])?)?$/);
  test('a head of ours reads back as it was made', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 20 }), (fields) => {
        const head = createRequestHead('PATCH', 'a.b:80', '/x?y', fields);
        const again = feedServer(forward(head, true)).head!;
        expect(linesOf(again)).toEqual(['host: a.b:80', ...fields.map(([one, two]) => `${one}: ${two}`)]);
        expect([again.method, again.authority, again.path]).toEqual(['PATCH', 'a.b:80', '/x?y']);
      }),
      { seed, numRuns: runs(500) },
    );
  });

  test('bodies of any pieces come out as they went in', () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 6 });
    fc.assert(
      fc.property(pieces, fc.boolean(), (parts, declared) => {
        const total = parts.reduce((sum, part) => sum + part.length, 0);
        const fields: [string, string][] = declared ? [['content-length', String(total)]] : [];
        const sink = new MemorySink();
        const codec = new Http1ClientCodec(sink, new StoryClientHost(), defaultHttp1Limits);
        const stream = codec.start(
          createRequestHead('POST', 'a', '/', fields),
          false,
          new StoryReceiver(new StoryClientHost().story),
        );
        for (const part of parts) stream.sendBody(part, 0, part.length);
        stream.sendEnd(null);
        const expected = parts.map((part) => Buffer.from(part).toString('latin1')).join('');
        const { events } = feedServer(sink.text);
        const rest = events.slice(1);
        const ended = declared && total === 0 ? [] : ['end'];
        expect(rest).toEqual(expected === '' ? ended : [`body ${expected}`, ...ended]);
      }),
      { seed, numRuns: runs(300) },
    );
  });
});

/** Text of the request as the client codec sends it, with an empty body. */
function forward(head: RequestHead, endStream: boolean): string {
  const sink = new MemorySink();
  const codec = new Http1ClientCodec(sink, new StoryClientHost(), defaultHttp1Limits);
  const declared = Number(head.getName('content-length') ?? 0);
  const stream = codec.start(head, endStream, new StoryReceiver(new StoryClientHost().story));
  if (!endStream) {
    const body = new Uint8Array(Math.min(declared, 100_000));
    if (body.length === declared) {
      stream.sendBody(body, 0, body.length);
      stream.sendEnd(null);
    }
  }
  return sink.text;
}

function describeForwarded(head: RequestHead): string[] {
  const lines = linesOf(head).filter((line) => !line.startsWith('host: ') && !hopByHop.test(line));
  return [head.method, head.authority, head.path, ...lines];
}

function describeExpected(head: RequestHead): string[] {
  const expected = describeForwarded(head);
  return head.version === 0 ? expected.filter((line) => !line.startsWith('expect: ')) : expected;
}

describe('responses', () => {
  test('mutated ones never throw, and are told alike however they are cut', () => {
    const feedClient = (raw: string, cuts: readonly number[]): readonly string[] => {
      const host = new StoryClientHost();
      const codec = new Http1ClientCodec(new MemorySink(), host, defaultHttp1Limits, true);
      codec.start(createRequestHead('GET', 'a', '/', []), true, new StoryReceiver(host.story));
      let start = 0;
      for (const cut of [...cuts, raw.length]) {
        if (cut > start) codec.receive(bytesOf(raw.slice(start, cut)));
        start = Math.max(start, cut);
      }
      codec.receiveEnd();
      codec.closed(null);
      // Bytes too many retire the connection before or after the end of the stream, as they come.
      return host.events.filter((event) => event !== 'retired' && !event.startsWith('done'));
    };
    fc.assert(
      fc.property(mutatedResponse, fc.array(fc.nat(300), { maxLength: 5 }), (raw, cuts) => {
        cuts.sort((left, right) => left - right);
        const usable = cuts.filter((cut) => cut < raw.length);
        expect(feedClient(raw, usable)).toEqual(feedClient(raw, []) as string[]);
      }),
      { seed, numRuns: runs(5000) },
    );
  });

  test('a response of ours is read back by the client codec', () => {
    const body = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(200, 201, 204, 304, 404, 503), body, (status, parts) => {
        const sink = new MemorySink();
        const host = new StoryServerHost((stream) => {
          stream.sendResponse(createResponseHead(status, [['x', '1']]), parts.length === 0);
          for (const part of parts) stream.sendBody(part, 0, part.length);
          if (parts.length > 0) stream.sendEnd(null);
          return null;
        });
        new Http1ServerCodec(sink, host, defaultHttp1Limits).receive(
          bytesOf('GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
        );
        const client = new StoryClientHost();
        const codec = new Http1ClientCodec(new MemorySink(), client, defaultHttp1Limits);
        codec.start(createRequestHead('GET', 'a', '/', []), true, new StoryReceiver(client.story));
        codec.receive(bytesOf(sink.text));
        expect(client.events[0]).toStartWith(`response ${status} [x: 1`);
        expect(client.events.at(-1)).toBe('done reusable');
        const hasBody = status !== 204 && status !== 304 && parts.length > 0;
        const text = parts.map((part) => Buffer.from(part).toString('latin1')).join('');
        expect(client.events.find((event) => event.startsWith('body '))).toBe(
          hasBody ? `body ${text}` : undefined,
        );
      }),
      { seed, numRuns: runs(500) },
    );
  });
});
