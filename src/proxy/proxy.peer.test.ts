// `weft proxy` as a process beside real peers: Prometheus scrapes it, promtool reads its metrics, Envoy agrees that the
// bootstraps that Weft takes are valid; and the process itself: faults at the start, drain, log rotation, last good
// configuration.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, freePort, run } from '../testing/programs.ts';
import { until } from '../testing/until.ts';

// Processes start, and are waited for; on a busy machine that takes its time.
setDefaultTimeout(60_000);

const weft = join(import.meta.dir, '../../bin/weft');
const testdata = join(import.meta.dir, 'config/testdata');
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-proxy-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Running {
  readonly child: Bun.Subprocess;
  readonly port: number;
  readonly admin: number;
  readonly accessLog: string;
}

function bootstrapText(port: number, admin: number, backend: number, accessLog: string): string {
  const address = (at: number) => `{ socket_address: { address: 127.0.0.1, port_value: ${at} } }`;
  return `
admin: { address: ${address(admin)} }
static_resources:
  listeners:
  - name: main
    address: ${address(port)}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: main
          drain_timeout: 2s
          access_log:
          - { name: file, typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: ${accessLog} } }
          http_filters:
          - { name: envoy.filters.http.router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }
          route_config:
            name: main
            virtual_hosts:
            - { name: all, domains: ["*"], routes: [{ name: all, match: { prefix: / }, route: { cluster: backend } }] }
  clusters:
  - name: backend
    type: STATIC
    load_assignment: { cluster_name: backend, endpoints: [{ lb_endpoints: [{ endpoint: { address: ${address(backend)} } }] }] }
`;
}

async function start(backend: number): Promise<Running> {
  const [port, admin] = [freePort(), freePort()];
  const config = join(folder, `bootstrap-${port}.yaml`);
  const accessLog = join(folder, `access-${port}.log`);
  writeFileSync(config, bootstrapText(port, admin, backend, accessLog));
  const child = Bun.spawn([weft, 'proxy', '-c', config, '--log-level', 'error'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  await until('ready', async () => (await fetch(`http://127.0.0.1:${admin}/ready`)).ok);
  return { child, port, admin, accessLog };
}

/** Answers at once, but `/slow` only when the test says so. */
function startBackend() {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow = { waiting: 0, release };
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      if (request.url.endsWith('/slow')) {
        slow.waiting += 1;
        await released;
      }
      return new Response('fine');
    },
  });
  return { slow, port: server.port ?? 0, stop: () => server.stop(true) };
}

describe('the process', () => {
  test('faults of the bootstrap are all printed, and the exit is 64', async () => {
    const { code, err } = await run([weft, 'proxy', '-c', join(testdata, 'unsupported.yaml')]);
    expect(code).toBe(64);
    expect(err.trimEnd().split('\n').length).toBeGreaterThan(10);
    expect(err).toContain('static_resources.clusters[0].track_timeout_budgets: is not supported by Weft');
  });

  test('Envoy’s flags mean what they mean there', async () => {
    const edge = join(testdata, 'static-edge.yaml');
    const validate = (...words: string[]) => run([weft, 'proxy', '--mode', 'validate', ...words]);
    expect(await validate('--config-path', edge, '-l', 'critical', '--drain-time-s', '30')).toMatchObject({
      code: 0,
      out: `${edge}: fine\n`,
    });
    const bad = await validate('-c', join(testdata, 'unsupported.yaml'));
    expect([bad.code, bad.out]).toEqual([64, '']);
    expect((await validate('--config-yaml', readFileSync(edge, 'utf8'))).code).toBe(0);
    expect((await validate('--config-yaml', 'node: { id: a }', '-c', edge)).code).toBe(0);
    const [wrong, unread] = await Promise.all([
      validate('--config-yaml', 'node: { idd: a }', '-c', edge),
      validate('--config-yaml', 'node: {', '-c', edge),
    ]);
    expect([wrong.code, wrong.err]).toEqual([64, expect.stringContaining('node.idd')]);
    expect([unread.code, unread.err]).toEqual([64, expect.stringContaining('--config-yaml')]);
    expect((await validate()).code).toBe(64);
    const tls = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';
    const trust = `{ name: tls, typed_config: { "@type": ${tls}, common_tls_context: { validation_context: { trusted_ca: { filename: /none.pem } } } } }`;
    const cluster = `static_resources: { clusters: [{ name: tls, transport_socket: ${trust} }] }`;
    const [unseen, unfiltered] = await Promise.all([
      validate('--config-yaml', cluster),
      validate('-c', edge, '--filter', '/none.ts'),
    ]);
    expect([unseen.code, unseen.err]).toEqual([
      64,
      '--config-yaml: cluster tls can speak no TLS: file /none.pem does not exist\n',
    ]);
    expect([unfiltered.code, unfiltered.err]).toEqual([64, expect.stringContaining('--filter /none.ts')]);
    const nameless = readFileSync(join(testdata, 'sidecar-ads.yaml'), 'utf8').replace(
      /^node:[\s\S]*?(?=^admin)/m,
      '',
    );
    expect((await validate('--config-yaml', nameless)).err).toContain('node.id');
    const named = await validate('--config-yaml', nameless, '--service-node', 'a', '--service-cluster', 'b');
    expect(named.code).toBe(0);
    expect((await validate('-c', edge, '-l', 'loud')).code).toBe(64);
  });

  test('a missing file and a wrong option are told apart from bugs', async () => {
    expect((await run([weft, 'proxy', '-c', join(folder, 'none.yaml')])).code).toBe(64);
    expect(
      (await run([weft, 'proxy', '-c', join(testdata, 'static-edge.yaml'), '--admin', 'here'])).code,
    ).toBe(64);
  });

  test('SIGTERM lets the running request finish; logs move with SIGHUP', async () => {
    const backend = startBackend();
    const proxy = await start(backend.port);
    try {
      expect(await (await fetch(`http://127.0.0.1:${proxy.port}/`)).text()).toBe('fine');
      await until('the first line', () => readFileSync(proxy.accessLog, 'utf8').includes('"GET / HTTP/1.1"'));
      renameSync(proxy.accessLog, `${proxy.accessLog}.1`);
      proxy.child.kill('SIGHUP');
      await until('a new file', () => readFileSync(proxy.accessLog, 'utf8') === '');
      const slow = fetch(`http://127.0.0.1:${proxy.port}/slow`);
      await until('the slow request', () => backend.slow.waiting === 1);
      proxy.child.kill('SIGTERM');
      await until('draining', async () => !(await fetch(`http://127.0.0.1:${proxy.admin}/ready`)).ok);
      backend.slow.release();
      expect((await slow).status).toBe(200);
      expect(await proxy.child.exited).toBe(0);
      expect(readFileSync(proxy.accessLog, 'utf8')).toContain('"GET /slow HTTP/1.1"');
    } finally {
      proxy.child.kill('SIGKILL');
      await backend.stop();
    }
  });

  test('a second signal ends it at once', async () => {
    const backend = startBackend();
    const proxy = await start(backend.port);
    const slow = fetch(`http://127.0.0.1:${proxy.port}/slow`).catch(() => null);
    await until('the slow request', () => backend.slow.waiting === 1);
    proxy.child.kill('SIGTERM');
    await until('draining', async () => !(await fetch(`http://127.0.0.1:${proxy.admin}/ready`)).ok);
    proxy.child.kill('SIGTERM');
    expect(await proxy.child.exited).toBe(1);
    await slow;
    await backend.stop();
  });
});

describe('a second proxy on a taken port', () => {
  test('is not ready and says why, serves once the port is free, and logs each event of its life once', async () => {
    const backend = startBackend();
    const taken = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('mine') });
    const [port, admin] = [taken.port ?? 0, freePort()];
    const config = join(folder, `taken-${port}.yaml`);
    writeFileSync(config, bootstrapText(port, admin, backend.port, join(folder, `taken-${port}.log`)));
    const child = Bun.spawn([weft, 'proxy', '-c', config], { stdio: ['ignore', 'ignore', 'pipe'] });
    const ready = () => fetch(`http://127.0.0.1:${admin}/ready`).catch(() => null);
    try {
      await until('the admin interface', async () => (await ready()) !== null);
      const response = await ready();
      expect(response?.status).toBe(503);
      expect(await response?.text()).toMatch(
        /^INITIALIZING\nmain: address: listen .*EADDRINUSE.*127\.0\.0\.1/,
      );
      await taken.stop(true);
      await until('ready', async () => (await ready())?.ok === true);
      child.kill('SIGHUP');
      await until('a moment after', async () => (await ready())?.ok === true);
      child.kill('SIGTERM');
      expect(await child.exited).toBe(0);
      const lines = (await new Response(child.stderr).text()).trim().split('\n');
      const messages = lines.map((line) => JSON.parse(line).message);
      const events = [
        'starting',
        'not serving',
        'serving',
        'access logs reopened',
        'draining',
        'drained',
        'stopped',
      ];
      expect(messages.filter((message) => events.includes(message))).toEqual(events);
    } finally {
      child.kill('SIGKILL');
      await backend.stop();
    }
  });
});

describeWith(['prometheus', 'promtool'], 'Prometheus', () => {
  test('scrapes the proxy and finds what it counted', async () => {
    const backend = startBackend();
    const proxy = await start(backend.port);
    const port = freePort();
    const config = join(folder, 'prometheus.yaml');
    const target = `127.0.0.1:${proxy.admin}`;
    writeFileSync(
      config,
      `scrape_configs:\n- { job_name: weft, scrape_interval: 1s, metrics_path: /stats/prometheus, static_configs: [{ targets: ["${target}"] }] }\n`,
    );
    const prometheus = Bun.spawn(
      [
        'prometheus',
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, 'tsdb')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=error',
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const query = async (expression: string): Promise<number> => {
      const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`;
      const { data } = (await (await fetch(url)).json()) as {
        data: { result: { value: [number, string] }[] };
      };
      return Number(data.result[0]?.value[1] ?? Number.NaN);
    };
    try {
      for (let i = 0; i < 7; i++) await (await fetch(`http://127.0.0.1:${proxy.port}/`)).text();
      await until(
        'a scrape',
        async () => (await query('envoy_cluster_upstream_rq_total{envoy_cluster_name="backend"}')) === 7,
      );
      expect(await query('up{job="weft"}')).toBe(1);
      expect(await query('weft_request_duration_seconds_count{code="2xx",route="all"}')).toBe(7);
      expect(await query('histogram_quantile(0.99, envoy_cluster_upstream_rq_time_bucket)')).toBeGreaterThan(
        0,
      );
      expect(await query('weft_endpoints{state="healthy"}')).toBe(1);
    } finally {
      prometheus.kill('SIGKILL');
      proxy.child.kill('SIGKILL');
      await prometheus.exited;
      await backend.stop();
    }
  });

  test('promtool finds nothing wrong but Envoy’s names', async () => {
    const backend = startBackend();
    const proxy = await start(backend.port);
    try {
      await (await fetch(`http://127.0.0.1:${proxy.port}/`)).text();
      const metrics = await (await fetch(`http://127.0.0.1:${proxy.admin}/stats/prometheus`)).text();
      const { err } = await run(['promtool', 'check', 'metrics'], metrics);
      const complaints = err.trim().split('\n');
      const envoys = /^envoy_.*("_total" suffix|abbreviated units)$/;
      expect(complaints.filter((line) => !envoys.test(line))).toEqual([]);
    } finally {
      proxy.child.kill('SIGKILL');
      await backend.stop();
    }
  });
});

describeWith(['envoy'], 'Envoy', () => {
  for (const name of ['static-edge.yaml', 'sidecar-ads.yaml', 'service-policy.yaml']) {
    test(`takes ${name} too`, async () => {
      const { code, out, err } = await run([
        'envoy',
        '--mode',
        'validate',
        '-c',
        join(testdata, name),
        '-l',
        'error',
      ]);
      expect(out + err).toContain('OK');
      expect(code).toBe(0);
    });
  }
});
