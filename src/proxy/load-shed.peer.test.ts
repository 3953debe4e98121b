// Where an overloaded proxy lets go of work: each of Envoy's load shed points, at Envoy and Weft, under the same
// injected pressure; HTTP/1 on a connection that was there before and on a new one, and HTTP/2.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort, run } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { cluster, httpListener, startTlsProxy } from './testing/tls-proxy.ts';

setDefaultTimeout(60_000);

const monitorType = 'envoy.extensions.resource_monitors.injected_resource.v3.InjectedResourceConfig';

class Client {
  private received = '';
  private closed = false;
  private socket: Bun.Socket<undefined> | null = null;

  async connect(port: number): Promise<this> {
    await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        open: (socket) => {
          this.socket = socket;
        },
        data: (_socket, bytes) => {
          this.received += bytes.toString('latin1');
        },
        end: (socket) => void socket.end(),
        close: () => {
          this.closed = true;
        },
        error() {},
      },
    }).catch(() => {
      this.closed = true;
    });
    return this;
  }

  async ask(): Promise<string> {
    this.received = '';
    this.socket?.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    const whole = () => /content-length: (\d+).*\r\n\r\n(.*)$/is.exec(this.received);
    await until('an answer or the end', () => {
      const [, length, body = ''] = whole() ?? [];
      return this.closed || (length !== undefined && body.length >= Number(length));
    });
    this.socket?.end();
    return /^HTTP\/1\.1 (\d+)/.exec(this.received)?.[1] ?? 'closed';
  }
}

/** Of a request over HTTP/2, the first on its connection. */
async function askHttp2(port: number): Promise<string> {
  const flags = ['-s', '-m', '5', '-o', '/dev/null', '-w', '%{http_code}', '--http2-prior-knowledge'];
  const { out } = await run(['curl', ...flags, `http://127.0.0.1:${port}/`]);
  return out === '000' ? 'closed' : out;
}

const points = {
  tcp_listener_accept: { kept: '200', fresh: 'closed', http2: 'closed' },
  http_connection_manager_decode_headers: { kept: '503', fresh: '503', http2: '503' },
  http1_server_abort_dispatch: { kept: '500', fresh: '500', http2: '200' },
  // What came with the connection is still answered; nothing that comes later.
  http2_server_go_away_on_dispatch: { kept: '200', fresh: '200', http2: '200' },
  // HTTP/1 has nothing to say it with, and is closed too.
  http2_server_go_away_and_close_on_dispatch: { kept: 'closed', fresh: 'closed', http2: 'closed' },
} as const;

describeWith(['envoy', 'curl'], 'load shed points', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-load-shed-'));
  const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  let originPort = 0;

  beforeAll(() => {
    const origin = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('ok') });
    cleanups.push(() => origin.stop(true));
    originPort = origin.port!;
  });
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  for (const [point, met] of Object.entries(points))
    test(point, async () => {
      const file = join(folder, point);
      const press = (pressure: number) => {
        writeFileSync(`${file}.new`, `${pressure}`);
        renameSync(`${file}.new`, file);
      };
      press(0);
      const typed_config = { '@type': `type.googleapis.com/${monitorType}`, filename: file };
      const triggers = [{ name: 'pressure', threshold: { value: 0.5 } }];
      const bootstrapFor = (port: number) => ({
        static_resources: {
          listeners: [httpListener('in', port, 'origin', null)],
          clusters: [cluster('origin', originPort, null)],
        },
        overload_manager: {
          refresh_interval: '0.1s',
          resource_monitors: [{ name: 'pressure', typed_config }],
          loadshed_points: [{ name: `envoy.load_shed_points.${point}`, triggers }],
        },
      });
      const ports = { envoy: freePort(), weft: freePort() };
      const envoy = await startEnvoy(bootstrapFor(ports.envoy));
      const weft = startTlsProxy(bootstrapFor(ports.weft));
      cleanups.push(
        () => envoy.stop(),
        () => weft.proxy.stop(),
      );
      const outcome = async (port: number, kept: Client) => ({
        kept: await kept.ask(),
        fresh: await (await new Client().connect(port)).ask(),
        http2: await askHttp2(port),
      });
      const before = [
        await new Client().connect(ports.envoy),
        await new Client().connect(ports.weft),
      ] as const;
      press(0.6);
      const gauge = new RegExp(
        `^envoy_overload_envoy_load_shed_points_${point}_scale_percent(\\{\\})? 100$`,
        'm',
      );
      for (const port of [envoy.adminPort, weft.adminPort])
        await until('it has seen the pressure', async () =>
          gauge.test(await (await fetch(`http://127.0.0.1:${port}/stats/prometheus`)).text()),
        );
      expect({
        envoy: await outcome(ports.envoy, before[0]),
        weft: await outcome(ports.weft, before[1]),
      }).toEqual({
        envoy: met,
        weft: met,
      });
      press(0.4);
      await until('it is over', async () => (await (await new Client().connect(ports.weft)).ask()) === '200');
      expect(await askHttp2(ports.weft)).toBe('200');
    });
});
