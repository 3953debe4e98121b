// Where a listener can be reached, and how: Envoy and Weft under the same bootstrap, for every way to bind one.

import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { cluster, httpListener, startTlsProxy } from './testing/tls-proxy.ts';

setDefaultTimeout(60_000);

type Target = { readonly hostname: string; readonly port: number } | { readonly unix: string };

/** The first line of the answer, or what came instead. */
function ask(target: Target): Promise<string> {
  const answer = Promise.withResolvers<string>();
  let received = '';
  const socket: Bun.SocketHandler<undefined> = {
    open: (socket) => void socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'),
    data: (_socket, bytes) => {
      received += bytes.toString('latin1');
    },
    end: (socket) => void socket.end(),
    close: () => answer.resolve(received.split('\r\n')[0] || 'closed'),
    error: () => answer.resolve('broken'),
  };
  const refused = () => answer.resolve('refused');
  if ('unix' in target) Bun.connect({ ...target, socket }).catch(refused);
  else Bun.connect({ ...target, socket }).catch(refused);
  return answer.promise;
}

const at = (address: string, port_value: number, more: object = {}) => ({
  address: { socket_address: { address, port_value, ...more } },
});

interface Case {
  readonly name: string;
  /** Fields of the listener, given two free ports and a folder. */
  readonly fields: (ports: readonly [number, number], folder: string) => object;
  readonly targets: (ports: readonly [number, number], folder: string) => readonly Target[];
  /** Whether each target answers. */
  readonly expected: readonly boolean[];
}

const local = (port: number): Target => ({ hostname: '127.0.0.1', port });
const local6 = (port: number): Target => ({ hostname: '::1', port });

const cases: readonly Case[] = [
  {
    name: 'further addresses',
    fields: ([a, b]) => ({
      ...at('127.0.0.1', a),
      additional_addresses: [at('127.0.0.2', a), at('127.0.0.1', b)],
    }),
    targets: ([a, b]) => [
      local(a),
      { hostname: '127.0.0.2', port: a },
      local(b),
      { hostname: '127.0.0.2', port: b },
    ],
    expected: [true, true, true, false],
  },
  {
    name: 'IPv6 alone',
    fields: ([a]) => at('::', a),
    targets: ([a]) => [local6(a), local(a)],
    expected: [true, false],
  },
  {
    name: 'both families on one socket',
    fields: ([a]) => at('::', a, { ipv4_compat: true }),
    targets: ([a]) => [local6(a), local(a)],
    expected: [true, true],
  },
  {
    name: 'a unix socket with a mode',
    fields: (_ports, folder) => ({ address: { pipe: { path: `${folder}/s`, mode: 0o620 } } }),
    targets: (_ports, folder) => [{ unix: `${folder}/s` }],
    expected: [true],
  },
  {
    name: 'an abstract socket',
    fields: ([a]) => ({ address: { pipe: { path: `@weft-test-${a}` } } }),
    targets: ([a]) => [{ unix: `\0weft-test-${a}` }],
    expected: [true],
  },
  {
    name: 'no socket of its own',
    fields: ([a]) => ({ ...at('127.0.0.1', a), bind_to_port: false }),
    targets: ([a]) => [local(a)],
    expected: [false],
  },
  {
    name: 'an address that the machine lacks, with freebind',
    fields: ([a]) => ({ ...at('192.0.2.77', a), freebind: true, additional_addresses: [at('127.0.0.1', a)] }),
    targets: ([a]) => [local(a)],
    expected: [true],
  },
  {
    name: 'a queue, fast open and an option by number',
    fields: ([a]) => ({
      ...at('127.0.0.1', a),
      tcp_backlog_size: 9,
      tcp_fast_open_queue_length: 5,
      socket_options: [{ level: 6, name: 18, int_value: 3000, state: 'STATE_PREBIND' }],
    }),
    targets: ([a]) => [local(a)],
    expected: [true],
  },
];

describeWith(['envoy'], 'where a listener is reached', () => {
  let origin: ReturnType<typeof Bun.serve>;
  const cleanups: (() => unknown)[] = [];
  beforeAll(() => {
    origin = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('ok') });
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  afterAll(() => origin.stop(true));

  async function meet(
    start: (bootstrap: object) => Promise<{ stop(): unknown }>,
    { fields, targets }: Case,
  ): Promise<{ answers: readonly string[]; mode: number | null }> {
    const folder = mkdtempSync(join(tmpdir(), 'weft-bind-'));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    const ports = [freePort(), freePort()] as const;
    const { address, ...listener } = httpListener('l', 1, 'a', null) as { address: object };
    void address;
    const started = await start({
      static_resources: {
        listeners: [{ ...listener, ...fields(ports, folder) }],
        clusters: [cluster('a', origin.port!, null)],
      },
    });
    cleanups.push(() => started.stop());
    const answers = await Promise.all(targets(ports, folder).map(ask));
    const file = targets(ports, folder)[0]!;
    const path = 'unix' in file && file.unix.startsWith('/') ? file.unix : null;
    return { answers, mode: path === null ? null : statSync(path).mode & 0o777 };
  }

  for (const one of cases)
    test(one.name, async () => {
      const envoy = await meet(startEnvoy, one);
      const weft = await meet(async (bootstrap) => {
        const { proxy } = startTlsProxy(bootstrap);
        return { stop: () => proxy.stop() };
      }, one);
      expect(weft).toEqual(envoy);
      expect(weft.answers.map((answer) => answer === 'HTTP/1.1 200 OK')).toEqual([...one.expected]);
    });
});
