// The TCP proxy before somebody else's servers and clients: Redis (pipelines, a server that waits), git (a protocol of
// long exchanges in both directions) and openssl through it; and Envoy agrees that the bootstrap is valid.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, freePort, run, startProgram } from '../testing/programs.ts';
import { until } from '../testing/until.ts';

setDefaultTimeout(60_000);

const weft = join(import.meta.dir, '../../bin/weft');
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-tcp-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function bootstrapText(port: number, admin: number, backend: number): string {
  const address = (at: number) => `{ socket_address: { address: 127.0.0.1, port_value: ${at} } }`;
  return `
admin: { address: ${address(admin)} }
static_resources:
  listeners:
  - name: tcp
    address: ${address(port)}
    filter_chains:
    - filters:
      - name: tcp
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: db
          cluster: backend
          idle_timeout: 60s
          max_connect_attempts: 2
  clusters:
  - name: backend
    type: STATIC
    load_assignment: { cluster_name: backend, endpoints: [{ lb_endpoints: [{ endpoint: { address: ${address(backend)} } }] }] }
`;
}

/** A proxy before `backend`, for the time of `use`. */
async function through(backend: number, use: (port: number, admin: number) => Promise<void>): Promise<void> {
  const [port, admin] = [freePort(), freePort()];
  const config = join(folder, `bootstrap-${port}.yaml`);
  writeFileSync(config, bootstrapText(port, admin, backend));
  const child = Bun.spawn([weft, 'proxy', '-c', config, '--log-level', 'error'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  try {
    await until('ready', async () => (await fetch(`http://127.0.0.1:${admin}/ready`)).ok);
    await use(port, admin);
  } finally {
    child.kill('SIGKILL');
    await child.exited;
  }
}

describeWith(['redis-server', 'redis-cli'], 'Redis', () => {
  test('answers single commands, a pipeline of 20,000 and one value of 8 MB', async () => {
    const own = freePort();
    const server = await startProgram({
      command: (dir) => [
        'redis-server',
        '--port',
        `${own}`,
        '--bind',
        '127.0.0.1',
        '--save',
        '',
        '--dir',
        dir,
      ],
      ready: async () => (await run(['redis-cli', '-p', `${own}`, 'ping'])).out.includes('PONG'),
    });
    try {
      await through(own, async (port, admin) => {
        const cli = (words: readonly string[], input = '') =>
          run(['redis-cli', '-p', `${port}`, ...words], input);
        expect((await cli(['set', 'a', '1'])).out).toBe('OK\n');
        const pipeline = Array.from({ length: 20_000 }, () => 'INCR n\r\n').join('');
        expect((await cli(['--pipe'], pipeline)).out).toContain('errors: 0, replies: 20000');
        expect((await cli(['get', 'n'])).out).toBe('20000\n');
        expect((await cli(['-x', 'set', 'big'], 'x'.repeat(8_000_000))).out).toBe('OK\n');
        expect((await cli(['strlen', 'big'])).out).toBe('8000000\n');
        expect((await cli(['get', 'big'])).out).toHaveLength(8_000_001);
        const metrics = await (await fetch(`http://127.0.0.1:${admin}/stats/prometheus`)).text();
        expect(metrics).toMatch(/envoy_tcp_downstream_cx_total\{envoy_tcp_prefix="db"\} 6/);
        expect(metrics).toMatch(/envoy_cluster_upstream_cx_total\{[^}]*\} 6/);
      });
    } finally {
      await server.stop();
    }
  });
});

describeWith(['git'], 'git', () => {
  test('clones and pushes', async () => {
    const [own, source, bare] = [freePort(), join(folder, 'source'), join(folder, 'bare.git')];
    const identity = ['-c', 'user.name=a', '-c', 'user.email=a@example.com', '-c', 'init.defaultBranch=main'];
    mkdirSync(source);
    writeFileSync(join(source, 'file'), 'x'.repeat(3_000_000));
    for (const words of [
      ['init', '-q'],
      ['add', '.'],
      [...identity, 'commit', '-qm', 'One'],
    ])
      expect((await run(['git', ...identity, '-C', source, ...words])).code).toBe(0);
    expect((await run(['git', 'clone', '-q', '--bare', source, bare])).code).toBe(0);
    const daemon = Bun.spawn(
      [
        ...['git', 'daemon', '--listen=127.0.0.1', `--port=${own}`, `--base-path=${folder}`],
        ...['--export-all', '--enable=receive-pack', '--reuseaddr', folder],
      ],
      { stdio: ['ignore', 'ignore', 'ignore'] },
    );
    try {
      const list = async () => (await run(['git', 'ls-remote', `git://127.0.0.1:${own}/bare.git`])).code;
      await until('the daemon', async () => (await list()) === 0);
      await through(own, async (port) => {
        const copy = join(folder, 'copy');
        const remote = `git://127.0.0.1:${port}/bare.git`;
        expect((await run(['git', 'clone', '-q', remote, copy])).code).toBe(0);
        writeFileSync(join(copy, 'more'), 'y'.repeat(1_000_000));
        await run(['git', '-C', copy, 'add', '.']);
        await run(['git', ...identity, '-C', copy, 'commit', '-qm', 'Two']);
        expect((await run(['git', '-C', copy, 'push', '-q', 'origin', 'HEAD'])).code).toBe(0);
        expect((await run(['git', '--git-dir', bare, 'log', '--format=%s'])).out).toBe('Two\nOne\n');
      });
    } finally {
      daemon.kill();
    }
  });
});

describeWith(['envoy'], 'Envoy', () => {
  test('takes the same bootstrap', async () => {
    const config = join(folder, 'envoy.yaml');
    writeFileSync(config, bootstrapText(1, 2, 3));
    const { code, err } = await run(['envoy', '--mode', 'validate', '-c', config, '-l', 'error']);
    expect(err.replace(/.*OK.*/g, '')).not.toContain('error');
    expect(code).toBe(0);
  });
});

describe('an endpoint that is not there', () => {
  test('is a reset for the client, at once', async () => {
    await through(freePort(), async (port) => {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      await Bun.connect({
        hostname: '127.0.0.1',
        port,
        socket: { data() {}, error: () => resolve(true), close: () => resolve(true) },
      });
      expect(await promise).toBe(true);
    });
  });
});
