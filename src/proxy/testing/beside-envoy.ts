// The same configuration and the same bytes to a real Envoy and to Weft: what the client got, what the backend saw,
// what was counted. One of each serves all cases of a file, a listener for each.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Envoy, socketAddress, startEnvoy } from '../../testing/envoy.ts';
import { freePorts } from '../../testing/programs.ts';
import { until } from '../../testing/until.ts';
import { type Answer, ask, askTcp } from './raw-client.ts';

export interface Ask {
  readonly method?: string;
  readonly path?: string;
  /** `name: value`. */
  readonly fields?: readonly string[];
  readonly body?: string | Uint8Array;
  /** A body in chunks. */
  readonly pieces?: readonly string[];
  /** The same request several times. */
  readonly times?: number;
  /** Sent as it is instead of a request, on a connection that is then ended. */
  readonly bytes?: string;
}

export interface Case {
  readonly name: string;
  /** HTTP filters before the router. */
  readonly filters?: readonly object[];
  /** Instead of one route that takes everything to the backend. */
  readonly routes?: readonly object[];
  readonly host?: object;
  /** Of the route configuration, beside its virtual hosts. */
  readonly config?: object;
  readonly manager?: object;
  /** Instead of an HTTP connection manager. */
  readonly network?: readonly object[];
  readonly chain?: object;
  readonly listener?: object;
  readonly asks: readonly Ask[];
  /** Series of both scrapes that must be the same, values too, beside those of zero. */
  readonly stats?: RegExp;
}

export interface Told {
  readonly answer: Answer | string;
  readonly seen: Seen | null;
}

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string;
}

const manager = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

export function typed(type: string, fields: object = {}): object {
  return { '@type': `type.googleapis.com/${type}`, ...fields };
}

export function cluster(name: string, port: number, fields: object = {}): object {
  const endpoint = { address: socketAddress(port), hostname: `${name}.internal` };
  const endpoints = [{ lb_endpoints: [{ endpoint }] }];
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints },
    ...fields,
  };
}

/** What differs by nature, or is compared elsewhere. */
const noise = new Set([
  'date',
  'server',
  'x-envoy-upstream-service-time',
  'x-request-id',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-attempt-count',
  'traceparent',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-sampled',
  'connection',
  'keep-alive',
  'host',
  'transfer-encoding',
]);

export function withoutNoise(fields: Readonly<Record<string, string>>): Record<string, string> {
  // How nothing is framed is not a filter's affair.
  const empty = (name: string, value: string) => name === 'content-length' && value === '0';
  const kept = Object.entries(fields).filter(([name, value]) => !noise.has(name) && !empty(name, value));
  return Object.fromEntries(kept);
}

/** With a port it is where the proxy listens, which differs. */
function hostOf({ headers }: Request): Record<string, string> {
  const host = headers.get('host') ?? '';
  return host.includes(':') ? {} : { host };
}

export interface BesideOptions {
  readonly cases: readonly Case[];
  /** Beside `backend`; made once it is known where test servers listen. */
  clusters?(): readonly object[];
  /** Instead of the backend that this starts: a port of the caller's, and what its cluster says besides. */
  readonly backend?: { readonly port: number; readonly fields: object };
  /** What the backend answers; by default what it saw, as JSON. */
  respond?(request: Request, seen: Seen): Response;
}

export class BesideEnvoy {
  private readonly options: BesideOptions;
  private readonly ports: { readonly envoy: readonly number[]; readonly weft: readonly number[] };
  private readonly folder = mkdtempSync(join(tmpdir(), 'weft-beside-'));
  private readonly weftAdmin: number;
  private seen: Seen | null = null;
  private backend: Bun.Server<undefined> | null = null;
  private envoy: Envoy | null = null;
  private weft: Bun.Subprocess | null = null;

  constructor(options: BesideOptions) {
    this.options = options;
    const { cases } = options;
    const ports = freePorts(2 * cases.length + 1);
    this.ports = { envoy: ports.slice(0, cases.length), weft: ports.slice(cases.length, -1) };
    this.weftAdmin = ports.at(-1) ?? 0;
  }

  async start(): Promise<void> {
    this.backend = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: async (request) => {
        const { pathname, search } = new URL(request.url, 'http://backend');
        const seen: Seen = {
          method: request.method,
          path: pathname + search,
          fields: { ...withoutNoise(Object.fromEntries([...request.headers])), ...hostOf(request) },
          body: Buffer.from(await request.arrayBuffer()).toString('latin1'),
        };
        this.seen = seen;
        return (
          this.options.respond?.(request, seen) ?? new Response('ok', { headers: { 'x-from': 'backend' } })
        );
      },
    });
    this.envoy = await startEnvoy(this.bootstrap(this.ports.envoy));
    const path = join(this.folder, 'weft.json');
    const admin = { address: socketAddress(this.weftAdmin) };
    writeFileSync(path, JSON.stringify({ ...this.bootstrap(this.ports.weft), admin }));
    const command = [join(import.meta.dir, '../../../bin/weft'), 'proxy', '-c', path, '--log-level', 'error'];
    this.weft = Bun.spawn(command, { stdio: ['ignore', 'inherit', 'inherit'] });
    const { weft } = this;
    await until('ready', async () => {
      if (weft.exitCode !== null) return true;
      return (await fetch(`http://127.0.0.1:${this.weftAdmin}/ready`)).ok;
    });
    if (weft.exitCode !== null) throw new Error('weft refused the configuration');
  }

  async stop(): Promise<void> {
    this.weft?.kill('SIGKILL');
    await this.envoy?.stop();
    await this.backend?.stop(true);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What each side made of the case's requests. */
  async play(index: number): Promise<{ readonly envoy: readonly Told[]; readonly weft: readonly Told[] }> {
    const { asks } = this.options.cases[index]!;
    const envoy = await this.playAt(this.ports.envoy[index]!, asks);
    return { envoy, weft: await this.playAt(this.ports.weft[index]!, asks) };
  }

  weftPort(index: number): number {
    return this.ports.weft[index] ?? 0;
  }

  envoyPort(index: number): number {
    return this.ports.envoy[index] ?? 0;
  }

  /** Series that are not zero. */
  async stats(
    wanted: RegExp,
  ): Promise<{ readonly envoy: readonly string[]; readonly weft: readonly string[] }> {
    const [envoy, weft] = await Promise.all([this.envoy?.adminPort ?? 0, this.weftAdmin].map(scrape));
    const pick = (text = '') =>
      text
        .split('\n')
        .filter((line) => !line.startsWith('#') && wanted.test(line) && !line.endsWith(' 0'))
        .map((line) =>
          line.replace(/\{(.*)\}/, (_, labels: string) => `{${labels.split(',').sort().join()}}`),
        )
        .sort();
    return { envoy: pick(envoy), weft: pick(weft) };
  }

  private async playAt(port: number, asks: readonly Ask[]): Promise<readonly Told[]> {
    const told: Told[] = [];
    for (const each of asks) {
      for (let time = 0; time < (each.times ?? 1); time++) {
        this.seen = null;
        if (each.bytes !== undefined) {
          told.push({ answer: await askTcp(port, each.bytes), seen: null });
          continue;
        }
        const { status, fields, body } = await ask(port, each);
        told.push({ answer: { status, fields: withoutNoise(fields), body }, seen: this.seen });
      }
    }
    return told;
  }

  private bootstrap(ports: readonly number[]): object {
    const { backend, cases, clusters } = this.options;
    return {
      node: { id: 'beside', cluster: 'shop' },
      static_resources: {
        listeners: cases.map((each, index) => createListener(each, index, ports[index] ?? 0)),
        clusters: [
          cluster('backend', backend?.port ?? this.backend?.port ?? 0, backend?.fields),
          ...(clusters?.() ?? []),
        ],
      },
    };
  }
}

async function scrape(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/stats/prometheus`)).text();
}

/** The stat prefix of a case's listener. */
export function prefixOf(index: number): string {
  return `case${index}`;
}

function createListener(each: Case, index: number, port: number): object {
  const router = { name: 'router', typed_config: typed('envoy.extensions.filters.http.router.v3.Router') };
  const http = {
    name: 'http',
    typed_config: typed(manager, {
      stat_prefix: prefixOf(index),
      http_filters: [...(each.filters ?? []), router],
      route_config: {
        name: 'routes',
        ...each.config,
        virtual_hosts: [
          {
            name: 'all',
            domains: ['*'],
            routes: each.routes ?? [{ match: { prefix: '/' }, route: { cluster: 'backend' } }],
            ...each.host,
          },
        ],
      },
      ...each.manager,
    }),
  };
  return {
    name: `listener${index}`,
    address: socketAddress(port),
    filter_chains: [{ filters: each.network ?? [http], ...each.chain }],
    ...each.listener,
  };
}
