import { describe, expect, test } from 'bun:test';
import { createRequestHead, createResponseHead, createTrailers, type RequestHead } from '../../wire/index.ts';
import { compileJson, compileText } from './compile.ts';
import { FormatSource, type MetadataMap, type TimePoint } from './source.ts';
import { compileTimeFormat } from './time-format.ts';

class TestSource extends FormatSource {
  override get request(): RequestHead {
    return createRequestHead('GET', 'h.test', '/p?a=1&b&a=2', [
      ['x-one', 'first'],
      ['x-one', 'second'],
      ['x-odd', 'a"\\\t\xc3\xa9'],
      ['x-broken', 'a\xff"'],
    ]);
  }
  override get response() {
    return createResponseHead(201, [['server', 's']]);
  }
  override get trailers() {
    return createTrailers([['x-last', 't']]);
  }
  override get status(): number {
    return 201;
  }
  override get flags(): string {
    return 'UF,URX';
  }
  override get grpcStatus(): number {
    return 1;
  }
  override get isGrpc(): boolean {
    return true;
  }
  override timeOf(point: TimePoint): number {
    return { DS_RX_BEG: 10, DS_RX_END: 12.75, US_TX_BEG: 5 }[point as 'DS_RX_BEG'] ?? -1;
  }
  override get downstream() {
    const local = { kind: 'ip', host: '::1', port: 80 } as const;
    const remote = { kind: 'ip', host: '10.1.2.3', port: 4 } as const;
    return { id: 7, local, remote, direct: { kind: 'unix', path: '/s' } as const, secure: null };
  }
  override metadata(): MetadataMap {
    return new Map([['n', { z: 1, a: ['x', null], text: 'é' }]]);
  }
  override environment(name: string): string | null {
    return name === 'SET' ? 'value' : null;
  }
}

const source = new TestSource();

function write(text: string): string {
  const compiled = compileText(text, '-');
  return compiled.ok ? compiled.value.format(source) : compiled.error;
}

const texts: readonly (readonly [format: string, line: string])[] = [
  ['', ''],
  ['plain 100%%', 'plain 100%'],
  ['%REQ(:METHOD)% %REQ(X-One)%|%REQ(no)%|%REQ(no?x-one):3%', 'GET first|-|fir'],
  ['%REQ(:authority)% %REQ(host)% %RESP(:status)% %RESP(Server)% %TRAILER(x-last)%', 'h.test h.test 201 s t'],
  ['%PATH% %PATH(NQ)% %PATH(WQ:ORIG)% %QUERY_PARAMS%', '/p?a=1&b&a=2 /p - a=1&b&a=2'],
  ['%QUERY_PARAM(a)% [%QUERY_PARAM(b)%] %QUERY_PARAM(c)%', '1 [] -'],
  ['%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG%', 'UF,URX UpstreamConnectionFailure,UpstreamRetryLimitExceeded'],
  ['%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS_NUMBER%', 'Canceled CANCELLED 1'],
  ['%REQUEST_DURATION% %COMMON_DURATION(DS_RX_BEG:DS_RX_END:us)%', '2 2750'],
  ['%COMMON_DURATION(DS_RX_BEG:US_TX_BEG:ms)% %RESPONSE_DURATION%', '- -'],
  ['%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_PORT%', '[::1]:80 80'],
  ['%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(12)% %CONNECTION_ID%', '10.0.0.0/12 7'],
  ['%DOWNSTREAM_DIRECT_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_PORT%', '/s -'],
  ['%METADATA(ROUTE:n)% %METADATA(ROUTE:n:a)%', '{"a":["x",null],"text":"\xc3\xa9","z":1} ["x",null]'],
  ['%METADATA(ROUTE:n:text)% %METADATA(ROUTE:n:z:deep)%', '\xc3\xa9 -'],
  ['%ENVIRONMENT(SET):2% %ENVIRONMENT(UNSET)% %FILTER_STATE(a)%', 'va - -'],
  ['é', '\xc3\xa9'],
];

describe('text formats', () => {
  for (const [format, line] of texts) test(format, () => expect(write(format)).toBe(line));
});

const refused: readonly (readonly [format: string, rule: string])[] = [
  ['100%', 'no command starts at character 4: %NAME%, %NAME(ARGUMENT):LENGTH%'],
  ['%req(a)%', 'no command starts at character 1: %NAME%, %NAME(ARGUMENT):LENGTH%'],
  ['a %REQ(a):b%', 'no command starts at character 3: %NAME%, %NAME(ARGUMENT):LENGTH%'],
  ['%__proto__%', 'no command starts at character 1: %NAME%, %NAME(ARGUMENT):LENGTH%'],
  ['%REQ()%', '%REQ% takes an argument'],
  ['%REQ(?a)%', '%REQ% takes a header name'],
  ['%PATH(XX)%', '%PATH% takes WQ or NQ, then ORIG, PATH or ORIG_OR_PATH'],
  ['%METADATA(NOBODY:a)%', '%METADATA% takes one of DYNAMIC, CLUSTER, ROUTE, UPSTREAM_HOST'],
  ['%DYNAMIC_METADATA(:a)%', '%DYNAMIC_METADATA% takes a namespace'],
  ['%COMMON_DURATION(A:B:ms)%', '%COMMON_DURATION% takes two of DS_RX_BEG'],
  ['%FILTER_STATE(:PLAIN)%', '%FILTER_STATE% takes a key'],
  ['%FILTER_STATE(a:ODD)%', '%FILTER_STATE% takes a key, then PLAIN, TYPED or FIELD'],
  ['%FILTER_STATE(a:FIELD)%', '%FILTER_STATE% takes a field’s name with FIELD, and only with it'],
  ['%GRPC_STATUS(ODD)%', '%GRPC_STATUS% takes CAMEL_STRING, SNAKE_STRING or NUMBER'],
  ['%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(x)%', 'takes the length of a prefix'],
  ['%DOWNSTREAM_WIRE_BYTES_SENT%', '%DOWNSTREAM_WIRE_BYTES_SENT% is not supported by Weft: '],
];

describe('refused formats', () => {
  for (const [format, rule] of refused) test(format, () => expect(write(format)).toContain(rule));
});

describe('JSON formats', () => {
  const json = (struct: Readonly<Record<string, unknown>>, omitEmpty = false): string => {
    const compiled = compileJson(struct, omitEmpty);
    return compiled.ok ? compiled.value.format(source) : compiled.error;
  };

  test('types are kept, keys are sorted, text around a command makes text', () =>
    expect(json({ b: '%RESPONSE_CODE%', a: '%RESPONSE_CODE%!', c: [true, null, 1.5, '%REQ(no)%'] })).toBe(
      '{"a":"201!","b":201,"c":[true,null,1.5,null]}\n',
    ));

  test('what is empty is left out, and what is empty because of that', () =>
    expect(
      json({ a: '%REQ(no)%', b: { c: '%REQ(no)%' }, d: [{ e: '%REQ(no)%' }], f: '%REQ(no)%x' }, true),
    ).toBe('{"f":"x"}\n'));

  test('nothing at all is an object', () => expect(json({ a: '%REQ(no)%' }, true)).toBe('{}\n'));

  test('values of clients break no line and no string', () => {
    const line = json({ odd: '%REQ(x-odd)%', broken: '%REQ(x-broken)%' });
    expect(line.indexOf('\n')).toBe(line.length - 1);
    const parsed = JSON.parse(Buffer.from(line, 'latin1').toString('utf8'));
    expect(parsed).toEqual({ odd: 'a"\\\té', broken: 'a\xff"' });
  });

  test('a fault names its place', () =>
    expect(json({ a: { b: ['x', '%NO%'] } })).toBe('a: b: [1]: %NO% is no command'));
});

describe('times', () => {
  const wall = Date.UTC(2026, 0, 2, 3, 4, 5, 67) + 0.891;
  const cases: readonly (readonly [format: string, text: string])[] = [
    ['', '2026-01-02T03:04:05.067Z'],
    ['%s.%3f', '1767323045.067'],
    ['%f %1f %6f', '067891000 0 067891'],
    ['%E3S %E*S %E4f %E*f', '05.067 05.067891 0678 067891'],
    ['%a %A %b %B %d %e %j', 'Fri Friday Jan January 02  2 002'],
    ['%D %F %T %R %r', '01/02/26 2026-01-02 03:04:05 03:04 03:04:05 AM'],
    ['%G %V %u %w %U %W %g', '2026 01 5 5 00 00 26'],
    ['%z %Ez %:z %::z %Z', '+0000 +00:00 +00:00 +00:00:00 UTC'],
    ['100%% %I %l %k %p %C %y', '100% 03  3  3 AM 20 26'],
  ];
  for (const [format, text] of cases)
    test(format, () => {
      const compiled = compileTimeFormat(format, false);
      expect(compiled.ok ? compiled.value.format(wall) : compiled.error).toBe(text);
    });

  test('the second before 1970', () => {
    const compiled = compileTimeFormat('', false);
    expect(compiled.ok && compiled.value.format(-1)).toBe('1969-12-31T23:59:59.999Z');
  });

  test('midnight of a week that belongs to another year', () => {
    const compiled = compileTimeFormat('%G-W%V-%u', false);
    expect(compiled.ok && compiled.value.format(Date.UTC(2027, 0, 3))).toBe('2026-W53-7');
  });

  test('another letter', () => {
    const compiled = compileTimeFormat('%Q', false);
    expect(compiled.ok ? '' : compiled.error).toBe('%Q is no time specifier');
  });
});
