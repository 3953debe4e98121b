// Configurations made by chance, as in generated.peer.test.ts, where one side of the proxy or both speak HTTP/2:
// requests and calls of gRPC to a real Envoy's listener and to Weft's, whose backend fails in the ways of HTTP/2 and
// gRPC. What every attempt brought to the backend and what the client got, trailers too, is the same. `WEFT_SEED` plays
// others.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import fc from 'fast-check';
import { type Address, createBunNetwork, createSystemClock } from '../net/index.ts';
import { describeWith } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import type { Head } from '../wire/index.ts';
import { BesideEnvoy, type Case, typed, withoutNoise } from './testing/beside-envoy.ts';
import { edits, match, oneOf, optional, rewrite } from './testing/generated-routes.ts';
import type { HttpAsked, HttpCall } from './testing/http-ends.ts';
import { Http1Client, Http1Origin } from './testing/http1-peers.ts';
import { Http2Client, Http2Origin } from './testing/http2-peers.ts';

setDefaultTimeout(120_000);

const casesCount = Number(process.env['WEFT_CASES'] ?? 60);
const asksCount = 5;
const [network, clock] = [createBunNetwork(), createSystemClock()];
const anyPort: Address = { kind: 'ip', host: '127.0.0.1', port: 0 };
const seed = Number(process.env['WEFT_SEED'] ?? 20_261_127);

/** How the backend answers an attempt. A refused stream is not among them: Weft sends it again unasked. */
const answers = {
  ok: (asked: HttpAsked) => asked.reply(200, 'ok', [['x-backend', 'yes']]),
  empty: (asked) => asked.reply(204, '', [['x-backend', 'yes']]),
  missing: (asked) => asked.reply(404, 'no', [['x-backend', 'yes']]),
  unavailable: (asked) => asked.reply(503, 'busy', [['x-backend', 'yes']]),
  bad: (asked) => asked.reply(502, '', [['x-backend', 'yes']]),
  call: (asked) => asked.reply(200, 'message', grpcHead, [['grpc-status', '0']]),
  late: (asked) => asked.reply(200, 'message', grpcHead, [['grpc-status', '14']]),
  only: (asked) => asked.reply(200, '', [...grpcHead, ['grpc-status', '14'], ['grpc-message', 'said']]),
  cancelled: (asked) => asked.reply(200, '', [...grpcHead, ['grpc-status', '1']]),
  exhausted: (asked) => asked.reply(200, '', [...grpcHead, ['grpc-status', '8']]),
  reset: (asked) => asked.stream.reset(new Error('told to') as never),
} satisfies Record<string, (asked: HttpAsked) => void> as Record<string, (asked: HttpAsked) => void>;
const grpcHead: readonly (readonly [string, string])[] = [
  ['content-type', 'application/grpc'],
  ['x-backend', 'yes'],
];
const answer = oneOf(...Object.keys(answers));

interface Http2Ask {
  readonly method: string;
  readonly path: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
}

const condition = oneOf(
  ...['5xx', 'gateway-error', 'reset', 'retriable-4xx', 'retriable-status-codes', 'connect-failure'],
  ...['unavailable', 'cancelled', 'resource-exhausted', 'internal', 'deadline-exceeded'],
);
const retries = fc
  .record({ conditions: fc.array(condition, { minLength: 1, maxLength: 3 }), count: oneOf(1, 2) })
  .map(({ conditions, count }) => ({
    retry_on: [...new Set(conditions)].join(),
    num_retries: count,
    retriable_status_codes: [404],
    retry_back_off: { base_interval: '0.001s', max_interval: '0.002s' },
  }));
const forward = fc
  .tuple(rewrite, optional<unknown>({ retry_policy: retries, append_x_forwarded_host: fc.boolean() }))
  .map((parts) => ({ route: Object.assign({ cluster: 'backend' }, ...parts) }));
const route = fc
  .tuple(match, optional<unknown>({ grpc: oneOf({}) }), forward, edits)
  .filter(([one, , does]) => !('path_match_policy' in one && JSON.stringify(does).includes('prefix_rewrite')))
  .map(([one, grpc, does, own]) => ({ match: { ...one, ...grpc }, ...does, ...own }));
const rest = retries.map((retry_policy) => ({
  match: { prefix: '/' },
  route: { cluster: 'backend', retry_policy },
}));
const routes = fc.tuple(fc.array(route, { maxLength: 3 }), rest).map(([some, last]) => [...some, last]);

const field = oneOf<readonly [string, string]>(
  ['x-a', '1'],
  ['x-a', 'one'],
  ['x-b', 'two2'],
  ['x-number', '7'],
  ['accept', 'text/plain'],
  ['cookie', 'a=1'],
  ['cookie', 'b=2'],
  ['te', 'trailers'],
);
const plain = fc
  .tuple(oneOf('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'), oneOf('/', '/a', '/a/b?q=one', '/b'))
  .map(([method, path]) => ({
    method,
    path,
    extra: [] as (readonly [string, string])[],
    body: method === 'POST' ? 'sent' : '',
  }));
const call = oneOf('/a/Pay', '/bank.Teller/Pay', '/a').map((path) => ({
  method: 'POST',
  path,
  extra: [['content-type', 'application/grpc'] as const, ['te', 'trailers'] as const],
  body: '\0\0\0\0\x02hi',
}));
const ask: fc.Arbitrary<Http2Ask> = fc
  .tuple(
    fc.oneof(plain, call),
    fc.uniqueArray(field, { maxLength: 3, selector: ([name, value]) => (name === 'cookie' ? value : name) }),
    fc.array(answer, { minLength: 1, maxLength: 3 }),
  )
  .map(([{ extra, ...what }, fields, told]) => ({
    ...what,
    fields: [
      ...extra,
      ...fields.filter(([name]) => !extra.some(([one]) => one === name)),
      ['x-answer', told.join()],
    ],
  }));

/** Envoy drops them without. */
const trailers = { enable_trailers: true };

interface Made extends Case {
  readonly http2Asks: readonly Http2Ask[];
}
const oneCase: fc.Arbitrary<Made> = fc
  .record({ routes, host: edits, http2Asks: fc.array(ask, { minLength: asksCount, maxLength: asksCount }) })
  .map((parts) => ({ name: 'made', asks: [], manager: { http_protocol_options: trailers }, ...parts }));

function fieldsOf(head: Head | null): Record<string, string> {
  const lines: Record<string, string> = {};
  for (let at = 0; at < (head?.count ?? 0); at++) {
    const name = head!.nameAt(at);
    lines[name] = name in lines ? `${lines[name]},${head!.valueAt(at)}` : head!.valueAt(at);
  }
  // A list's empty members are none, and where it is cut into lines is the writer's choice.
  return Object.fromEntries(
    Object.entries(withoutNoise(lines)).map(([name, value]) => [
      name,
      value
        .split(/, ?/)
        .filter((part) => part !== '')
        .join(),
    ]),
  );
}

function seenOf({ head, body }: HttpAsked, upstream: 1 | 2): object {
  const { te, ...fields } = fieldsOf(head);
  // Of one hop: HTTP/1.1 would want its name in Connection (RFC 9110 section 10.1.4), which Envoy leaves out.
  const more = upstream === 1 || te === undefined ? {} : { te };
  return {
    method: head.method,
    path: head.path,
    authority: head.authority,
    fields: { ...fields, ...more },
    body,
  };
}

/** A connection of HTTP/1.1 that ends without an answer may be stale: Weft asks again unasked (decision 0009). */
function canCompare({ fields }: Http2Ask, upstream: 1 | 2): boolean {
  return upstream === 2 || !fields.some(([name, value]) => name === 'x-answer' && value.includes('reset'));
}

/** Of what a proxy says by itself the words are its own. */
function toldOf({ status, head, body, trailers, error }: HttpCall): object {
  const own = head?.getName('x-backend') === null;
  const said = trailers?.getName('grpc-status') ?? head?.getName('grpc-status') ?? null;
  if (own || head === null) return { status, grpc: said, reset: error !== null };
  return { status, fields: fieldsOf(head), body, trailers: fieldsOf(trailers), reset: error !== null };
}

const versions = {
  1: {
    options: { http_protocol_options: trailers },
    connect: (address: Address) => new Http1Client(network, address),
    serve: (respond: (asked: HttpAsked) => void) => new Http1Origin(network, anyPort, respond),
  },
  2: {
    options: { http2_protocol_options: {} },
    connect: (address: Address) => new Http2Client(network, address, clock),
    serve: (respond: (asked: HttpAsked) => void) => new Http2Origin(network, anyPort, clock, respond),
  },
} as const;
const pairings = [
  [2, 2],
  [2, 1],
  [1, 2],
] as const;

for (const [downstream, upstream] of pairings)
  describeWith(['envoy'], `configurations made by chance, HTTP/${downstream} to HTTP/${upstream}`, () => {
    const cases = fc.sample(oneCase, { numRuns: casesCount, seed });
    let attempts = 0;
    const { connect } = versions[downstream];
    const { serve, options } = versions[upstream];
    const origin = serve((asked) => {
      const told = (asked.head.getName('x-answer') ?? 'ok').split(',');
      answers[told[Math.min(attempts++, told.length - 1)]!]!(asked);
    });
    let beside: BesideEnvoy;
    beforeAll(async () => {
      const type = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
      const fields = {
        typed_extension_protocol_options: { [type]: typed(type, { explicit_http_config: options }) },
      };
      beside = new BesideEnvoy({ cases, backend: { port: origin.port, fields } });
      await beside.start();
    }, 180_000);
    afterAll(() => beside.stop());

    async function play(port: number, { method, path, fields, body }: Http2Ask): Promise<object> {
      [attempts, origin.asked.length] = [0, 0];
      const client = connect({ kind: 'ip', host: '127.0.0.1', port });
      await until('open', () => client.capacity > 0);
      const made = client.request(method, path, fields, body);
      await until('answered', () => made.ended || made.error !== null);
      client.socket.end();
      return { told: toldOf(made), seen: origin.asked.map((asked) => seenOf(asked, upstream)) };
    }

    test(`${casesCount} of them, seed ${seed}`, async () => {
      const differing: object[] = [];
      for (const [index, { http2Asks, routes: made, host }] of cases.entries()) {
        for (const asked of http2Asks.filter((one) => canCompare(one, upstream))) {
          const envoy = await play(beside.envoyPort(index), asked);
          const weft = await play(beside.weftPort(index), asked);
          if (!Bun.deepEquals(envoy, weft)) differing.push({ asked, envoy, weft, made, host });
        }
      }
      expect(differing.slice(0, 3)).toEqual([]);
    });
  });
