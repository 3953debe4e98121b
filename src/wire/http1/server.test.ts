import { describe, expect, test } from 'bun:test';
import { MeshError } from '../../base/index.ts';
import { headerId, type RequestHead } from '../head.ts';
import { createResponseHead } from '../made-head.ts';
import type { ServerStream } from '../stream.ts';
import { defaultHttp1Limits, type Http1Limits } from './limits.ts';
import { Http1ServerCodec } from './server.ts';
import { requestCases } from './server-cases.ts';
import { bytesOf, MemorySink, StoryReceiver, StoryServerHost } from './test-sinks.ts';

interface Run {
  readonly codec: Http1ServerCodec;
  readonly host: StoryServerHost;
  readonly sink: MemorySink;
}

function createRun(answer?: StoryServerHost['answer'], limits: Http1Limits = defaultHttp1Limits): Run {
  const sink = new MemorySink();
  const host = new StoryServerHost(answer);
  return { codec: new Http1ServerCodec(sink, host, limits, true), host, sink };
}

/** Feeds `raw` cut at the given places. */
function feed(run: Run, raw: string, cuts: readonly number[]): void {
  let start = 0;
  for (const cut of [...cuts, raw.length]) {
    if (cut > start) run.codec.receive(bytesOf(raw.slice(start, cut)));
    start = cut;
  }
}

function answerOk(stream: ServerStream): null {
  stream.sendResponse(createResponseHead(200, []), true);
  return null;
}

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const getEvent = 'request GET |a|/ 1.1 [host: a] end';
const okText = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
const okCloseText = 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';

describe('requests: whole, byte by byte, split at every point', () => {
  for (const { name, raw, events } of requestCases) {
    test(name, () => {
      const whole = createRun();
      feed(whole, raw, []);
      expect(whole.host.events).toEqual(events as string[]);
      const answer = whole.sink.take();

      const bytewise = createRun();
      feed(
        bytewise,
        raw,
        Array.from(raw, (_, index) => index),
      );
      expect(bytewise.host.events).toEqual(events as string[]);
      expect(bytewise.sink.take()).toBe(answer);

      for (let cut = 1; cut < raw.length; cut++) {
        const split = createRun();
        feed(split, raw, [cut]);
        expect(split.host.events).toEqual(events as string[]);
        expect(split.sink.take()).toBe(answer);
      }
    });
  }

  test('every refusal is answered once and ends the connection', () => {
    for (const { raw, events } of requestCases) {
      const last = events.find((event) => event.startsWith('refused'));
      if (last === undefined) continue;
      const run = createRun();
      feed(run, raw, []);
      const status = last.slice(8, 11);
      expect(run.sink.take()).toMatch(
        new RegExp(`^HTTP/1.1 ${status} [A-Z][^\\r\\n]*\\r\\n[^]*connection: close\\r\\n\\r\\n`),
      );
      expect(run.sink.calls[0]).toBe('end');
      expect(run.codec.closing).toBe(true);
      feed(run, get, []);
      expect(run.sink.take()).toBe('');
    }
  });
});

describe('limits', () => {
  const limits = (part: Partial<Http1Limits>): Http1Limits => ({ ...defaultHttp1Limits, ...part });
  const cases: readonly [string, Http1Limits, string, string, number | null][] = [
    ['headBytesMax reached', limits({ headBytesMax: 27 }), get, '', null],
    ['headBytesMax crossed', limits({ headBytesMax: 26 }), get, '', 431],
    [
      'headBytesMax crossed in the target',
      limits({ headBytesMax: 10 }),
      `GET /${'a'.repeat(20)} HTTP/1.1\r\n\r\n`,
      '',
      414,
    ],
    ['targetBytesMax reached', limits({ targetBytesMax: 1 }), get, '', null],
    ['targetBytesMax crossed', limits({ targetBytesMax: 1 }), 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n', '', 414],
    ['headerCountMax reached', limits({ headerCountMax: 1 }), get, '', null],
    [
      'headerCountMax crossed',
      limits({ headerCountMax: 1 }),
      'GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n',
      '',
      431,
    ],
    [
      'bodyBytesMax crossed by a length',
      limits({ bodyBytesMax: 4 }),
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n',
      'hello',
      413,
    ],
    [
      'bodyBytesMax crossed by chunks',
      limits({ bodyBytesMax: 4 }),
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
      '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
      413,
    ],
    [
      'chunkLineBytesMax crossed',
      limits({ chunkLineBytesMax: 8 }),
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
      '5;abcdefgh\r\nhello\r\n0\r\n\r\n',
      400,
    ],
    [
      'chunkLineBytesMax crossed by zeros',
      limits({ chunkLineBytesMax: 8 }),
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
      '0000000005\r\nhello\r\n0\r\n\r\n',
      400,
    ],
    [
      'chunkExtensionBytesMax crossed',
      limits({ chunkExtensionBytesMax: 8 }),
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
      '1;abcdef\r\na\r\n1;abcdef\r\na\r\n0\r\n\r\n',
      400,
    ],
    [
      'trailerBytesMax crossed',
      limits({ trailerBytesMax: 8 }),
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
      '0\r\nX: 123456\r\n\r\n',
      431,
    ],
  ];
  for (const [name, limit, head, body, status] of cases) {
    test(name, () => {
      const raw = head + body;
      for (const cuts of [[], Array.from(raw, (_, index) => index)]) {
        const run = createRun(undefined, limit);
        feed(run, raw, cuts);
        const text = run.sink.take();
        if (status === null) expect(run.host.events).toEqual([getEvent]);
        else expect(text).toStartWith(`HTTP/1.1 ${status} `);
      }
    });
  }

  test('pipelinedBytesMax pauses the sink until the request before is answered', () => {
    const run = createRun(undefined, limits({ pipelinedBytesMax: 40 }));
    feed(run, get, []);
    feed(run, get, []);
    expect(run.sink.calls).toEqual([]);
    feed(run, get, []);
    expect(run.sink.calls).toEqual(['pause']);
    run.host.streams[0]!.sendResponse(createResponseHead(200, []), true);
    expect(run.sink.calls).toEqual(['pause', 'resume']);
    expect(run.host.events).toEqual([getEvent, 'idle', getEvent]);
  });

  test('lingerBytesMax resets a client that goes on after the end', () => {
    const run = createRun(answerOk, limits({ lingerBytesMax: 10 }));
    feed(run, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', []);
    feed(run, '0123456789', []);
    expect(run.sink.calls).not.toContain('reset');
    feed(run, '0', []);
    expect(run.sink.calls).toContain('reset');
  });
});

describe('connection', () => {
  test('pipelined requests are answered in order, one at a time', () => {
    const run = createRun();
    feed(run, get + get.replace('/ ', '/2 ') + get.replace('/ ', '/3 '), []);
    expect(run.host.streams.length).toBe(1);
    for (let index = 0; index < 3; index++) {
      expect(run.host.streams.length).toBe(index + 1);
      run.host.streams[index]!.sendResponse(createResponseHead(200, [['n', String(index)]]), true);
    }
    const answers = run.sink.take().match(/n: \d/g);
    expect(answers).toEqual(['n: 0', 'n: 1', 'n: 2']);
    expect(run.codec.idle).toBe(true);
  });

  test('a thousand pipelined requests answered at once do not nest', () => {
    const run = createRun(answerOk);
    feed(run, get.repeat(1000), []);
    expect(run.sink.take()).toBe(okText.repeat(1000));
  });

  test('late answers to a pipeline do not nest either', () => {
    let first: ServerStream | null = null;
    const run = createRun((stream) => {
      if (first === null) first = stream;
      else answerOk(stream);
      return null;
    });
    feed(run, get.repeat(5000), []);
    answerOk(first!);
    expect(run.sink.take()).toBe(okText.repeat(5000));
  });

  const persistence: readonly [string, string, string, boolean][] = [
    ['HTTP/1.1', get, okText, true],
    ['HTTP/1.1 with close', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', okCloseText, false],
    [
      'close wins over keep-alive',
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive\r\nConnection: x, CLOSE\r\n\r\n',
      okCloseText,
      false,
    ],
    ['HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a\r\n\r\n', okCloseText, false],
    [
      'HTTP/1.0 with keep-alive',
      'GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n',
      okText.replace('content', 'connection: keep-alive\r\ncontent'),
      true,
    ],
  ];
  for (const [name, raw, answer, kept] of persistence) {
    test(`persistence: ${name}`, () => {
      const run = createRun(answerOk);
      feed(run, raw, []);
      expect(run.sink.take()).toBe(answer);
      expect(run.codec.idle).toBe(kept);
      expect(run.sink.calls.includes('end')).toBe(!kept);
    });
  }

  test('drain ends an idle connection at once', () => {
    const run = createRun(answerOk);
    feed(run, get, []);
    run.codec.drain();
    expect(run.sink.calls).toContain('end');
  });

  test('drain lets the request under way finish and announces the end', () => {
    const run = createRun();
    feed(run, get, []);
    run.codec.drain();
    expect(run.sink.calls).toEqual([]);
    answerOk(run.host.streams[0]!);
    expect(run.sink.take()).toBe(okCloseText);
    expect(run.sink.calls).toContain('end');
  });

  test('a client may end its sending half and still be answered, pipelined requests too', () => {
    const run = createRun();
    feed(run, get + get, []);
    run.codec.receiveEnd();
    expect(run.sink.calls).toEqual([]);
    answerOk(run.host.streams[0]!);
    expect(run.sink.calls).toEqual([]);
    answerOk(run.host.streams[1]!);
    expect(run.sink.take()).toBe(okText + okText);
    expect(run.sink.calls).toContain('end');
  });

  test('an end while idle or within a head ends the connection silently', () => {
    for (const raw of ['', 'GET / HT']) {
      const run = createRun();
      feed(run, raw, []);
      run.codec.receiveEnd();
      expect(run.sink.calls[0]).toBe('end');
      expect(run.host.events).toEqual([]);
    }
  });

  test('an end within a body resets the exchange', () => {
    const run = createRun();
    feed(run, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe', []);
    run.codec.receiveEnd();
    expect(run.host.events.at(-1)).toBe('reset downstream peer-closed: the client ended within a request');
    run.host.streams[0]!.sendResponse(createResponseHead(200, []), true);
    expect(run.sink.take()).toBe('');
  });

  test('a closed socket resets the exchange with its error', () => {
    const run = createRun();
    feed(run, get, []);
    run.codec.closed(new MeshError('peer-reset', 'downstream', 'no', 'gone'));
    expect(run.host.events.at(-1)).toBe('reset downstream peer-reset: gone');
    run.codec.receive(bytesOf(get));
    expect(run.host.events.length).toBe(2);
  });

  test('a reset stream drops the connection without a callback', () => {
    const run = createRun();
    feed(run, get, []);
    run.host.streams[0]!.reset(new MeshError('internal', 'internal', 'no', 'x'));
    expect(run.sink.calls).toEqual(['reset']);
    expect(run.host.events).toEqual([getEvent]);
  });

  test('a stream of an exchange that is over goes nowhere', () => {
    const run = createRun(answerOk);
    feed(run, get, []);
    run.sink.take();
    const stream = run.host.streams[0]!;
    stream.sendResponse(createResponseHead(200, []), true);
    stream.sendBody(bytesOf('x'), 0, 1);
    stream.sendEnd(null);
    stream.reset(new MeshError('internal', 'internal', 'no', 'x'));
    expect(run.sink.take()).toBe('');
    expect(run.sink.calls).toEqual([]);
  });

  test('a head that is used after its exchange fails in poison mode', () => {
    const run = createRun(answerOk);
    feed(run, get, []);
    expect(() => run.host.head!.path).toThrow('used after its message');
    expect(() => run.host.head!.find(headerId.host)).toThrow('used after its message');
  });
});

describe('early answers', () => {
  const post = (length: number, more = '') =>
    `POST / HTTP/1.1\r\nHost: a\r\n${more}Content-Length: ${length}\r\n\r\n`;

  test('the short rest of a request is dropped and the connection kept', () => {
    const run = createRun(answerOk);
    feed(run, `${post(5)}hello${get}`, []);
    expect(run.sink.take()).toBe(okText + okText);
    expect(run.codec.idle).toBe(true);
    expect(run.host.events.filter((event) => event.startsWith('body'))).toEqual([]);
  });

  test('the rest is dropped whenever it comes', () => {
    const run = createRun(answerOk);
    feed(run, `${post(5)}he`, []);
    expect(run.codec.idle).toBe(false);
    feed(run, `llo${get}`, []);
    expect(run.sink.take()).toBe(okText + okText);
  });

  test('a long rest ends the connection, which is said', () => {
    const run = createRun(answerOk);
    feed(run, post(10_000_000), []);
    expect(run.sink.take()).toBe(okCloseText);
    expect(run.sink.calls).toContain('end');
  });

  test('an expectation that was answered finally ends the connection: the body may never come', () => {
    const run = createRun(answerOk);
    feed(run, post(5, 'Expect: 100-continue\r\n'), []);
    expect(run.sink.take()).toBe(okCloseText);
  });

  test('endless chunks after the answer end the connection', () => {
    const run = createRun(answerOk, { ...defaultHttp1Limits, lingerBytesMax: 100 });
    feed(run, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n', []);
    expect(run.sink.take()).toBe(okText);
    for (let index = 0; index < 3; index++) feed(run, `32\r\n${'x'.repeat(50)}\r\n`, []);
    expect(run.sink.calls[0]).toBe('end');
    expect(run.codec.closing).toBe(true);
  });
});

describe('responses', () => {
  const cases: readonly [string, string, number, string[][], string[] | null, string][] = [
    [
      'a body of known length',
      get,
      200,
      [['content-length', '2']],
      ['ok'],
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
    ],
    [
      'a body of unknown length',
      get,
      200,
      [],
      ['ok', 'ay'],
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n2\r\nay\r\n0\r\n\r\n',
    ],
    [
      'empty writes make no last chunk',
      get,
      200,
      [],
      ['', 'x', ''],
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
    ],
    [
      'to HTTP/1.0 until close',
      'GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n',
      200,
      [],
      ['ok'],
      'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok',
    ],
    ['204 has no length', get, 204, [['content-length', '0']], null, 'HTTP/1.1 204 No Content\r\n\r\n'],
    [
      '304 keeps its length and has no body',
      get,
      304,
      [['content-length', '9']],
      null,
      'HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n',
    ],
    [
      'HEAD keeps the length and has no body',
      'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n',
      200,
      [['content-length', '9']],
      ['ignored'],
      'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n',
    ],
    [
      'hop-by-hop fields go',
      get,
      200,
      [
        ['connection', 'x'],
        ['keep-alive', '1'],
        ['upgrade', 'h2c'],
        ['te', 'x'],
        ['proxy-connection', 'x'],
        ['transfer-encoding', 'x'],
        ['y', '1'],
      ],
      null,
      'HTTP/1.1 200 OK\r\ny: 1\r\ncontent-length: 0\r\n\r\n',
    ],
    ['an unknown status', get, 299, [], null, 'HTTP/1.1 299 \r\ncontent-length: 0\r\n\r\n'],
  ];
  for (const [name, request, status, fields, body, expected] of cases) {
    test(name, () => {
      const run = createRun((stream) => {
        stream.sendResponse(createResponseHead(status, fields as [string, string][]), body === null);
        for (const piece of body ?? []) stream.sendBody(bytesOf(`_${piece}_`), 1, piece.length + 1);
        if (body !== null) stream.sendEnd(null);
        return null;
      });
      feed(run, request, []);
      expect(run.sink.take()).toBe(expected);
    });
  }

  test('100 is relayed, but not to HTTP/1.0', () => {
    for (const version of [0, 1]) {
      const run = createRun();
      feed(
        run,
        `POST / HTTP/1.${version}\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n`,
        [],
      );
      run.host.streams[0]!.sendInformational(createResponseHead(100, []));
      expect(run.sink.take()).toBe(version === 1 ? 'HTTP/1.1 100 Continue\r\n\r\n' : '');
    }
  });

  test('a body that differs from its length resets the connection', () => {
    for (const body of ['', 'o', 'okay']) {
      const run = createRun();
      feed(run, get, []);
      const stream = run.host.streams[0]!;
      stream.sendResponse(createResponseHead(200, [['content-length', '2']]), false);
      stream.sendBody(bytesOf(body), 0, body.length);
      stream.sendEnd(null);
      expect(run.sink.calls).toEqual(['reset']);
      expect(run.host.events.at(-1)).toStartWith('reset internal internal');
    }
  });

  test('heads that would inject a line are asserted', () => {
    for (const [name, value] of [
      ['a\r\nb', 'c'],
      ['a', 'b\r\nc: d'],
      ['a', 'b\nc'],
      ['a', 'b\0'],
      ['a', '\u010a'],
      ['a b', 'c'],
      ['', 'c'],
    ] as const) {
      const run = createRun();
      feed(run, get, []);
      expect(() => run.host.streams[0]!.sendResponse(createResponseHead(200, [[name, value]]), true)).toThrow(
        'bug:',
      );
      expect(() => run.host.head!.add(name, value)).toThrow('bug:');
      expect(run.sink.take()).toBe('');
    }
  });
});

describe('draining behind an answer’s head', () => {
  function begin(): { run: Run; stream: ServerStream } {
    const run = createRun();
    feed(run, get, []);
    const stream = run.host.streams[0]!;
    stream.sendResponse(createResponseHead(200, [['content-length', '2']]), false);
    run.codec.drain();
    return { run, stream };
  }

  test('was not announced, so one more request is served, and told', () => {
    const { run, stream } = begin();
    stream.sendBody(bytesOf('ok'), 0, 2);
    stream.sendEnd(null);
    expect(run.sink.take()).not.toContain('connection: close');
    expect(run.sink.calls).toEqual([]);
    feed(run, get, []);
    run.host.streams[1]!.sendResponse(createResponseHead(200, []), true);
    expect(run.sink.take()).toBe(okCloseText);
    expect(run.sink.calls[0]).toBe('end');
  });

  test('the same for an answer that ends before its request', () => {
    const run = createRun();
    feed(run, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na', []);
    const stream = run.host.streams[0]!;
    stream.sendResponse(createResponseHead(200, [['content-length', '2']]), false);
    run.codec.drain();
    stream.sendBody(bytesOf('ok'), 0, 2);
    stream.sendEnd(null);
    feed(run, `bc${get}`, []);
    expect(run.sink.calls).toEqual([]);
    expect(run.host.events.at(-1)).toBe(getEvent);
  });

  test('and the owner may end it once it is quiet', () => {
    const { run, stream } = begin();
    stream.sendBody(bytesOf('ok'), 0, 2);
    stream.sendEnd(null);
    run.codec.drain();
    expect(run.sink.calls[0]).toBe('end');
  });
});

describe('a client that does not read', () => {
  /** Answers at once, with a full sink from the `full`th answer on. */
  function flood(full: number): Run {
    const run = createRun((stream) => {
      if (run.host.streams.length >= full) run.sink.writable = false;
      return answerOk(stream);
    });
    return run;
  }
  const asked = (run: Run) => run.host.events.filter((event) => event === getEvent).length;

  for (const cut of ['in one packet', 'one by one'] as const) {
    test(`gets no further request begun until its answers have left: pipelined ${cut}`, () => {
      const run = flood(3);
      const raw = get.repeat(50);
      feed(run, raw, cut === 'one by one' ? Array.from(raw, (_, index) => index) : []);
      expect(asked(run)).toBe(3);
      run.codec.drained();
      expect(asked(run)).toBe(4);
      run.sink.writable = true;
      run.host.answer = answerOk;
      run.codec.drained();
      expect(asked(run)).toBe(50);
      expect(run.sink.text).toBe(okText.repeat(50));
    });
  }

  test('has its requests held up to pipelinedBytesMax', () => {
    const run = flood(1);
    feed(run, get.repeat(2), []);
    for (let count = 0; !run.sink.calls.includes('pause'); count++) {
      expect(count * get.length).toBeLessThan(defaultHttp1Limits.pipelinedBytesMax + get.length);
      feed(run, get, []);
    }
    expect(asked(run)).toBe(1);
  });

  test('is answered what it asked before it ended its half', () => {
    const run = flood(2);
    feed(run, get.repeat(4), []);
    run.codec.receiveEnd();
    expect(run.sink.calls).toEqual([]);
    run.sink.writable = true;
    run.host.answer = answerOk;
    run.codec.drained();
    expect(asked(run)).toBe(4);
    expect(run.sink.calls[0]).toBe('end');
  });

  test('counts however an answer is framed: head, body, last chunk, informational', () => {
    const answers: readonly ((stream: ServerStream, run: Run) => void)[] = [
      (stream, run) => {
        stream.sendResponse(createResponseHead(200, [['content-length', '1']]), false);
        run.sink.writable = false;
        stream.sendBody(bytesOf('x'), 0, 1);
        run.sink.writable = true;
        stream.sendEnd(null);
      },
      (stream, run) => {
        stream.sendResponse(createResponseHead(200, []), false);
        run.sink.writable = false;
        stream.sendEnd(null);
      },
      (stream, run) => {
        run.sink.writable = false;
        stream.sendInformational(createResponseHead(103, []));
        run.sink.writable = true;
        stream.sendResponse(createResponseHead(200, []), true);
      },
    ];
    for (const answer of answers) {
      const run = createRun((stream) => {
        answer(stream, run);
        return null;
      });
      feed(run, get.repeat(2), []);
      expect(asked(run)).toBe(1);
    }
  });
});

test('no refusal shows the name of a limit', () => {
  for (const { raw } of requestCases) {
    const run = createRun();
    feed(run, raw, []);
    expect(run.sink.text).not.toMatch(/(Bytes|Count)Max/);
  }
});

test('a head that was complete and is refused can be named in the log', () => {
  const heads: (string | null)[] = [];
  const run = createRun();
  run.host.onProtocolError = (_error: MeshError, _status: number, head?: RequestHead | null) => {
    heads.push(head?.path ?? null);
  };
  feed(run, 'GET /named HTTP/1.1\r\nX: y\r\n\r\n', []);
  const cut = createRun();
  cut.host.onProtocolError = run.host.onProtocolError;
  feed(cut, 'GET /named HTTP/1.1\r\nX : y', []);
  expect(heads).toEqual(['/named', null]);
});

describe('backpressure', () => {
  test('a paused body pauses the sink until resumed, or until the request is over', () => {
    const run = createRun();
    feed(run, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\na', []);
    const stream = run.host.streams[0]!;
    stream.pause();
    stream.pause();
    stream.resume();
    stream.pause();
    expect(run.sink.calls).toEqual(['pause', 'resume', 'pause']);
    feed(run, 'bcd', []);
    expect(run.sink.calls).toEqual(['pause', 'resume', 'pause', 'resume']);
  });

  test('a full sink is told to the writer, and that it drained', () => {
    const run = createRun((_, __, ___) => new StoryReceiver(run.host.story));
    feed(run, get, []);
    run.codec.drained();
    const stream = run.host.streams[0]!;
    stream.sendResponse(createResponseHead(200, []), false);
    run.sink.writable = false;
    expect(stream.sendBody(bytesOf('x'), 0, 1)).toBe(false);
    expect(stream.sendBody(new Uint8Array(5000), 0, 5000)).toBe(false);
    run.codec.drained();
    expect(run.host.events).toEqual([getEvent, 'writable']);
  });
});
