// Paced bodies beside Envoy: the same limits, the same bodies, at the same time. How long each took, whether all of it
// came, and what was counted.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import http2 from 'node:http2';
import { describeWith } from '../../testing/programs.ts';
import { clusterAt, routesOf, type Sides, sides, startSides } from '../testing/side-by-side.ts';

setDefaultTimeout(60_000);

const kibibyte = 1024;
const body = Buffer.alloc(64 * kibibyte, 'x');

function typed(type: string, fields: object): object {
  return { '@type': `type.googleapis.com/envoy.extensions.filters.http.${type}`, ...fields };
}

const router = { name: 'router', typed_config: typed('router.v3.Router', {}) };

function manager(name: string, type: string, fields: object, more: object = {}): object {
  const routes = [{ match: { prefix: '/' }, route: { cluster: 'backend' } }];
  return {
    route_config: routesOf(...routes),
    http_filters: [{ name, typed_config: typed(type, fields) }, router],
    ...more,
  };
}

const hundred = { numerator: 100 };
const bandwidth = (prefix: string, fields: object) =>
  manager('envoy.filters.http.bandwidth_limit', 'bandwidth_limit.v3.BandwidthLimit', {
    stat_prefix: prefix,
    limit_kbps: 43,
    ...fields,
  });

/** 64 KiB take half a second: a fault has 128 of them a second; a bandwidth has 43, which it holds at first. */
const managers = {
  fixed: manager('envoy.filters.http.fault', 'fault.v3.HTTPFault', {
    response_rate_limit: { fixed_limit: { limit_kbps: 128 }, percentage: hundred },
  }),
  asked: manager('envoy.filters.http.fault', 'fault.v3.HTTPFault', {
    response_rate_limit: { header_limit: {}, percentage: hundred },
  }),
  down: bandwidth('down', { enable_mode: 'RESPONSE' }),
  up: bandwidth('up', { enable_mode: 'REQUEST', fill_interval: '0.02s' }),
  off: bandwidth('off', {}),
};
type Listener = keyof typeof managers;

interface Outcome {
  readonly bytes: number;
  readonly ms: number;
}

async function ask(port: number, init: RequestInit): Promise<Outcome> {
  const startMs = performance.now();
  const answer = await fetch(`http://127.0.0.1:${port}/`, init);
  const bytes = (await answer.arrayBuffer()).byteLength;
  return { bytes, ms: performance.now() - startMs };
}

/** By HTTP/2 without TLS, as the manager tells it from its preface. */
function askHttp2(port: number): Promise<Outcome> {
  const startMs = performance.now();
  return new Promise((resolve, reject) => {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    session.on('error', reject);
    const stream = session.request({ ':path': '/' });
    let bytes = 0;
    stream.on('data', (piece: Buffer) => {
      bytes += piece.length;
    });
    stream.on('error', reject);
    stream.on('end', () => {
      session.close();
      resolve({ bytes, ms: performance.now() - startMs });
    });
  });
}

/** From below half a second less the first interval, as a clock tells it; above, what a busy machine may take. */
function expectPaced({ ms }: Outcome): void {
  expect(ms).toBeGreaterThan(380);
  expect(ms).toBeLessThan(10_000);
}

describeWith(['envoy'], 'paced bodies beside Envoy', () => {
  let running: Sides;
  let backend: Bun.Server<undefined>;
  let received = 0;

  beforeAll(async () => {
    backend = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: async (request) => {
        const { byteLength } = await request.arrayBuffer();
        received += byteLength;
        return request.method === 'POST' ? new Response('ok') : new Response(body);
      },
    });
    running = await startSides(managers, [clusterAt('backend', backend.port ?? 0)]);
  });

  afterAll(async () => {
    await running?.stop();
    await backend?.stop(true);
  });

  test('each takes its time, comes whole, and is counted', async () => {
    const slow = { headers: { 'x-envoy-fault-throughput-response': '128' } };
    const outcomes = await Promise.all(
      sides.flatMap((side) => {
        const port = (listener: Listener) => running.port(side, listener);
        return [
          ask(port('fixed'), {}),
          askHttp2(port('fixed')),
          ask(port('asked'), slow),
          ask(port('down'), {}),
          ask(port('up'), { method: 'POST', body }),
        ];
      }),
    );
    for (const outcome of outcomes) expectPaced(outcome);
    const each = [body.length, body.length, body.length, body.length, 2];
    expect(outcomes.map(({ bytes }) => bytes)).toEqual([...each, ...each]);
    expect(received).toBe(2 * body.length);
    for (const side of sides) {
      const plain = await Promise.all([
        ask(running.port(side, 'asked'), {}),
        ask(running.port(side, 'off'), { method: 'POST', body }),
      ]);
      expect(plain.map(({ bytes }) => bytes)).toEqual([body.length, 2]);
    }
    const [theirs, ours] = await Promise.all(sides.map((side) => counted(running.adminPort(side))));
    expect(ours).toEqual(theirs!);
  });
});

/** What is not of one moment: sizes of a last piece differ, and how often there was not enough. */
async function counted(adminPort: number): Promise<Readonly<Record<string, string>>> {
  const pattern = /^(http\.\w+\.fault\..*(rl_injected|active_faults)|.*http_bandwidth_limit.*): (\d+)$/;
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/stats`)).text();
  return Object.fromEntries(
    text.split('\n').flatMap((line) => {
      const [, name, , value] = pattern.exec(line) ?? [];
      if (name === undefined || name.startsWith('off.')) return [];
      if (/_(incoming|allowed)_size$/.test(name)) return [[name, 'a size']];
      if (/enforced$/.test(name)) return [[name, Number(value) > 0 ? 'some' : 'none']];
      return [[name, value ?? '']];
    }),
  );
}
