// Run in a network namespace of its own: five hosts, of which two vanish (a rule of nftables drops what is for them),
// and an Envoy and a Weft with the same bootstrap in front of them, asked alike over HTTP/1.1, HTTP/2 and TCP. Prints
// what each counted: connections that timed out within requests, at first and once it could be known.

import { createServer as createHttp, request } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import { startEnvoy } from '../../testing/envoy.ts';
import { freePorts } from '../../testing/programs.ts';
import { bootstrapSnapshot } from './configs.ts';
import { managerFilter } from './envoy-pair.ts';
import { RealWorld } from './real.ts';

const hosts = [11, 12, 13, 14, 15].map((last) => `127.0.0.${last}`);
const vanishing = hosts.slice(0, 2);
const kinds = ['http1', 'http2', 'tcp'] as const;
const originPorts = { http1: 9001, http2: 9002, tcp: 9001 };
const connectTimeoutMs = 300;
const perSecond = 25;

export interface Counted {
  readonly asked: number;
  readonly failed: number;
  /** Of them, at least as long as a connection may take. */
  readonly slow: number;
  /** Connections for requests that timed out: until the state could be known, and after that. */
  readonly timeouts: readonly [first: number, later: number];
}

export type Report = Readonly<Record<'envoy' | 'weft', Readonly<Record<string, Counted>>>>;

function cluster(kind: (typeof kinds)[number]): object {
  const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  const http2 = {
    '@type': `type.googleapis.com/${options}`,
    explicit_http_config: { http2_protocol_options: {} },
  };
  const addresses = hosts.map((address) => ({ address, port_value: originPorts[kind] }));
  const endpoints = addresses.map((address) => ({ endpoint: { address: { socket_address: address } } }));
  return {
    name: kind,
    type: 'STATIC',
    connect_timeout: `${connectTimeoutMs / 1000}s`,
    load_assignment: { cluster_name: kind, endpoints: [{ lb_endpoints: endpoints }] },
    ...(kind === 'http2' ? { typed_extension_protocol_options: { [options]: http2 } } : {}),
  };
}

function filter(kind: (typeof kinds)[number]): object {
  if (kind === 'tcp') {
    const type = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';
    const config = { '@type': type, stat_prefix: kind, cluster: kind, max_connect_attempts: 5 };
    return { name: 'tcp', typed_config: config };
  }
  const retry = { retry_on: 'connect-failure,reset', num_retries: 4, per_try_timeout: '1s' };
  const routes = [{ match: { prefix: '/' }, route: { cluster: kind, retry_policy: retry } }];
  return managerFilter({ route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] } });
}

function bootstrap(ports: readonly number[]): object {
  const listeners = kinds.map((kind, at) => ({
    name: kind,
    address: { socket_address: { address: '127.0.0.1', port_value: ports[at] } },
    filter_chains: [{ filters: [filter(kind)] }],
  }));
  return { static_resources: { listeners, clusters: kinds.map(cluster) } };
}

class Asker {
  asked = 0;
  failed = 0;
  slow = 0;
  private open = 0;
  private readonly port: number;

  constructor(port: number) {
    this.port = port;
  }

  ask(): void {
    const startedMs = performance.now();
    this.asked += 1;
    this.open += 1;
    const end = (fine: boolean) => {
      this.open -= 1;
      if (!fine) this.failed += 1;
      if (performance.now() - startedMs >= connectTimeoutMs) this.slow += 1;
    };
    const sent = request({ host: '127.0.0.1', port: this.port, agent: false }, (answer) => {
      answer.resume().on('end', () => end(answer.statusCode === 200));
    });
    sent.on('error', () => end(false)).end();
  }

  get idle(): boolean {
    return this.open === 0;
  }
}

/** Asks for so long at a steady rate, whatever comes. */
async function askFor(askers: readonly Asker[], ms: number): Promise<void> {
  const every = 1000 / perSecond;
  for (let sent = 0; sent < ms / every; sent++) {
    for (const asker of askers) asker.ask();
    await Bun.sleep(every);
  }
}

async function run(command: readonly string[]): Promise<void> {
  const child = Bun.spawn([...command], { stdio: ['ignore', 'inherit', 'inherit'] });
  if ((await child.exited) !== 0) throw new Error(command.join(' '));
}

/** Of Weft by endpoint: on a busy machine a connection to one that is there may take as long. */
function toVanished(plane: RealWorld['plane'], kind: string): number {
  const endpoints = plane.clusters.get(kind)?.endpoints ?? [];
  return endpoints
    .filter(({ address }) => address.kind === 'ip' && vanishing.includes(address.host))
    .reduce((sum, { connectFailures }) => sum + connectFailures, 0);
}

async function vanish(): Promise<void> {
  const rule = `ip daddr { ${vanishing.join(', ')} } drop`;
  await run(['nft', 'add table inet hole']);
  await run(['nft', 'add chain inet hole out { type filter hook output priority 0 ; }']);
  await run(['nft', `add rule inet hole out ${rule}`]);
}

async function play(): Promise<Report> {
  await run(['ip', 'link', 'set', 'lo', 'up']);
  for (const host of hosts) {
    createHttp((_, answer) => answer.end('fine')).listen(originPorts.http1, host);
    createHttp2((_, answer) => answer.end('fine')).listen(originPorts.http2, host);
  }
  const ports = freePorts(2 * kinds.length);
  const [theirs, own] = [ports.slice(0, kinds.length), ports.slice(kinds.length)];
  const envoy = await startEnvoy(bootstrap(theirs));
  const { plane } = new RealWorld();
  plane.apply(bootstrapSnapshot(bootstrap(own)));
  await vanish();
  const askers = { envoy: theirs.map((port) => new Asker(port)), weft: own.map((port) => new Asker(port)) };
  const all = [...askers.envoy, ...askers.weft];
  const timeouts = async () => {
    const stats = await envoy.stats('upstream_cx_connect_timeout');
    const counted = (kind: string) => [
      stats[`cluster.${kind}.upstream_cx_connect_timeout`] ?? 0,
      toVanished(plane, kind),
    ];
    return kinds.map(counted);
  };
  await askFor(all, 1000);
  // What was asked until now may still have to find out.
  await Bun.sleep(5 * connectTimeoutMs);
  const first = await timeouts();
  await askFor(all, 3000);
  while (all.some(({ idle }) => !idle)) await Bun.sleep(50);
  const last = await timeouts();
  const side = (own: readonly Asker[], index: number) =>
    Object.fromEntries(
      kinds.map((kind, at) => {
        const { asked, failed, slow } = own[at]!;
        const early = first[at]![index]!;
        return [kind, { asked, failed, slow, timeouts: [early, last[at]![index]! - early] as const }];
      }),
    );
  const report = { envoy: side(askers.envoy, 0), weft: side(askers.weft, 1) };
  await envoy.stop();
  return report;
}

if (import.meta.main) {
  console.log(JSON.stringify(await play()));
  process.exit(0);
}
