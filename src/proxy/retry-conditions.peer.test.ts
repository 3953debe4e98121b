// Every word of retry_on against every way in which an attempt can fail: Envoy and Weft under the same bootstrap,
// before a backend that fails the first attempt of each request and serves the next.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { createServer, type Server, type Socket } from 'node:net';
import { retryWords } from '../policy/index.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { clusterAt, type Side, type Sides, sides, startSides } from './testing/side-by-side.ts';

setDefaultTimeout(60_000);

const back = { retry_back_off: { base_interval: '0.001s', max_interval: '0.002s' } };

/** Beside the words themselves: several, one that is none, and what says nothing. */
const policies: Readonly<Record<string, object>> = {
  ...Object.fromEntries(
    retryWords.map((word) => [word, { retry_on: word, retriable_status_codes: [404, 503], ...back }]),
  ),
  'gateway-error,retriable-4xx': { retry_on: 'gateway-error,retriable-4xx', ...back },
  'cancelled,5xx': { retry_on: 'cancelled,5xx', ...back },
  nothing: { ...back },
  'no more': { retry_on: '5xx', num_retries: 0, ...back },
};

/** What the first attempt meets: an answer, or bytes and an end. */
type Outcome =
  | { readonly status: number; readonly fields?: Readonly<Record<string, string>> }
  | { readonly text: string; readonly end: 'close' | 'reset' };

const answers = [200, 204, 302, 400, 404, 409, 429, 500, 501, 502, 503, 504, 505];
const grpcStatuses = [0, 1, 2, 4, 8, 10, 13, 14];
const call = { 'content-type': 'application/grpc' };

const outcomes: Readonly<Record<string, Outcome>> = {
  ...Object.fromEntries(answers.map((status) => [`${status}`, { status }])),
  ...Object.fromEntries(
    grpcStatuses.map((status) => [
      `grpc-status ${status}`,
      { status: 200, fields: { ...call, 'grpc-status': `${status}` } },
    ]),
  ),
  '503 of a limit': { status: 503, fields: { 'x-envoy-ratelimited': 'true' } },
  '429 of a limit': { status: 429, fields: { 'x-envoy-ratelimited': 'true' } },
  'the end before an answer': { text: '', end: 'close' },
  'a reset before an answer': { text: '', end: 'reset' },
  'the end within a head': { text: 'HTTP/1.1 200 OK\r\nx-a', end: 'close' },
  'no HTTP': { text: 'nonsense\r\n\r\n', end: 'close' },
};

/** Where the client is told otherwise: a connection that ended is 503 to us, within a head too. */
const differing: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  'the end within a head': { 502: 503 },
};

class FailingBackend {
  port = 0;
  private readonly server: Server = createServer((socket) => this.accept(socket));
  private readonly counts = new Map<string, number>();

  async start(): Promise<this> {
    await new Promise<void>((done) => {
      this.server.listen(0, '127.0.0.1', done);
    });
    const address = this.server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
    return this;
  }

  attempts(id: string): number {
    return this.counts.get(id) ?? 0;
  }

  stop(): void {
    this.server.close();
  }

  private accept(socket: Socket): void {
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      if (!text.endsWith('body')) return;
      const id = /^x-id: (.*)\r$/im.exec(text)?.[1] ?? '';
      const outcome = outcomes[/^x-outcome: (.*)\r$/im.exec(text)?.[1] ?? ''] ?? { status: 400 };
      text = '';
      this.counts.set(id, this.attempts(id) + 1);
      this.answer(socket, this.attempts(id) === 1 ? outcome : { status: 200 });
    });
  }

  private answer(socket: Socket, outcome: Outcome): void {
    if ('status' in outcome) {
      const fields = { ...outcome.fields, ...(outcome.status === 204 ? {} : { 'content-length': '0' }) };
      const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`HTTP/1.1 ${outcome.status} Text\r\n${lines.join('')}\r\n`);
    } else if (outcome.end === 'reset') socket.resetAndDestroy();
    else socket.end(outcome.text);
  }
}

describeWith(['envoy'], 'conditions of retries, beside Envoy', () => {
  let backend: FailingBackend;
  let both: Sides;
  let last = 0;

  beforeAll(async () => {
    backend = await new FailingBackend().start();
    const managers = Object.fromEntries(
      Object.entries(policies).map(([name, policy]) => {
        const routes = ['dead', 'live'].map((cluster) => ({
          match: { prefix: `/${cluster}` },
          route: { cluster, retry_policy: policy },
        }));
        return [name, { route_config: { name, virtual_hosts: [{ name: 'all', domains: ['*'], routes }] } }];
      }),
    );
    both = await startSides(managers, [clusterAt('live', backend.port), clusterAt('dead', freePort())]);
  });

  afterAll(async () => {
    await both.stop();
    backend.stop();
  });

  async function play(side: Side, policy: string, cluster: string, outcome: string) {
    last += 1;
    const id = `${last}`;
    const response = await fetch(`http://127.0.0.1:${both.port(side, policy)}/${cluster}`, {
      method: 'POST',
      body: 'body',
      redirect: 'manual',
      headers: { 'x-id': id, 'x-outcome': outcome },
    });
    await response.text();
    return { status: response.status, attempts: backend.attempts(id) };
  }

  async function retriesOf(side: Side, cluster: string): Promise<string | undefined> {
    const text = await (await fetch(`http://127.0.0.1:${both.adminPort(side)}/stats/prometheus`)).text();
    return new RegExp(`^envoy_cluster_upstream_rq_retry\\{.*"${cluster}".*\\} (\\d+)$`, 'm').exec(text)?.[1];
  }

  for (const policy of Object.keys(policies)) {
    describe(policy, () => {
      for (const outcome of Object.keys(outcomes))
        test(outcome, async () => {
          const [envoy, weft] = await Promise.all(sides.map((side) => play(side, policy, 'live', outcome)));
          const told = { ...envoy!, status: differing[outcome]?.[envoy!.status] ?? envoy!.status };
          expect(weft).toEqual(told);
        });

      test('nobody listens', async () => {
        const [envoy, weft] = await Promise.all(
          sides.map(async (side) => ({
            ...(await play(side, policy, 'dead', '')),
            retries: await retriesOf(side, 'dead'),
          })),
        );
        expect(weft).toEqual(envoy!);
      });
    });
  }
});
