// What clients meet of an overloaded proxy: Envoy and Weft under the same bootstrap and the same injected pressure.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { cluster, httpListener, startTlsProxy } from './testing/tls-proxy.ts';

setDefaultTimeout(60_000);

const monitorType = 'envoy.extensions.resource_monitors.injected_resource.v3.InjectedResourceConfig';
const actions = {
  disable_http_keepalive: 0.8,
  reject_incoming_connections: 0.9,
  stop_accepting_requests: 0.95,
};

/** What became of one request on a kept connection, and of one on a new one. */
interface Met {
  readonly kept: string;
  readonly fresh: string;
}

class Client {
  received = '';
  closed = false;
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
    await until(
      'an answer or the end',
      () => this.closed || /\r\n\r\n(ok|.*overloaded)$/s.test(this.received),
    );
    if (this.received === '') return 'reset';
    const status = /^HTTP\/1\.1 (\d+)/.exec(this.received)?.[1];
    const close = /connection: close/i.test(this.received) ? ' close' : '';
    return `${status}${close}`;
  }

  end(): void {
    this.socket?.end();
  }
}

describeWith(['envoy'], 'an overloaded proxy', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-overload-'));
  const file = join(folder, 'pressure');
  const ports = { envoy: freePort(), weft: freePort() };
  const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  let stats: () => Promise<Readonly<Record<'envoy' | 'weft', string>>>;

  /** Envoy sees a file that is moved into place. */
  function press(pressure: number): void {
    writeFileSync(`${file}.new`, `${pressure}`);
    renameSync(`${file}.new`, file);
  }

  beforeAll(async () => {
    press(0);
    const origin = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('ok') });
    cleanups.push(() => origin.stop(true));
    const bootstrapFor = (port: number) => ({
      static_resources: {
        listeners: [httpListener('in', port, 'origin', null)],
        clusters: [cluster('origin', origin.port!, null)],
      },
      overload_manager: {
        refresh_interval: '0.1s',
        resource_monitors: [
          {
            name: 'pressure',
            typed_config: { '@type': `type.googleapis.com/${monitorType}`, filename: file },
          },
        ],
        actions: Object.entries(actions).map(([name, value]) => ({
          name: `envoy.overload_actions.${name}`,
          triggers: [{ name: 'pressure', threshold: { value } }],
        })),
      },
    });
    const envoy = await startEnvoy(bootstrapFor(ports.envoy));
    const weft = startTlsProxy(bootstrapFor(ports.weft));
    cleanups.push(
      () => envoy.stop(),
      () => weft.proxy.stop(),
    );
    const read = async (port: number) =>
      (await fetch(`http://127.0.0.1:${port}/stats/prometheus`).then((answer) => answer.text()))
        .split('\n')
        .filter((line) => /^envoy_overload_.*(updates|pressure|active|percent)(\{\})? \d+$/.test(line))
        .map((line) => line.replace('{}', '').trim())
        .filter((line) => /(actions_(disable|reject|stop_accepting_requests)|overload_pressure)/.test(line))
        .sort()
        .join('\n');
    stats = async () => ({ envoy: await read(envoy.adminPort), weft: await read(weft.adminPort) });
  });
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  async function meet(port: number, kept: Client): Promise<Met> {
    const fresh = await new Client().connect(port);
    const met = { kept: await kept.ask(), fresh: await fresh.ask() };
    fresh.end();
    return met;
  }

  const expected: readonly (readonly [pressure: number, met: Met])[] = [
    [0.5, { kept: '200', fresh: '200' }],
    [0.8, { kept: '200 close', fresh: '200 close' }],
    [0.9, { kept: '200 close', fresh: 'reset' }],
    [0.95, { kept: '503 close', fresh: 'reset' }],
    [0.2, { kept: '200', fresh: '200' }],
  ];
  for (const [pressure, met] of expected)
    test(`at ${pressure}`, async () => {
      press(0);
      const settled = async () => {
        const { envoy, weft } = await stats();
        return envoy === weft && envoy.includes('overload_pressure_pressure 0');
      };
      await until('both are at rest', settled);
      const kept = {
        envoy: await new Client().connect(ports.envoy),
        weft: await new Client().connect(ports.weft),
      };
      expect([await kept.envoy.ask(), await kept.weft.ask()]).toEqual(['200', '200']);
      press(pressure);
      await until('both have seen it', async () => {
        const { envoy, weft } = await stats();
        return envoy === weft && envoy.includes(`overload_pressure_pressure ${Math.round(pressure * 100)}`);
      });
      expect({ envoy: await meet(ports.envoy, kept.envoy), weft: await meet(ports.weft, kept.weft) }).toEqual(
        {
          envoy: met,
          weft: met,
        },
      );
    });
});
