// A Gateway behind a balancer of connections: HAProxy says in a PROXY header who its client is, and Weft's proxy and a
// real Envoy, with what the control plane makes of the Gateway's annotation, take its word and nobody else's.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../base/index.ts';
import { createControlPlane } from '../control/index.ts';
import { encodeBootstrap } from '../deploy/index.ts';
import { createBunNetwork, createMemoryStore, createSystemClock } from '../net/index.ts';
import { type Envoy, startAdsEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { serveGrpcAds } from '../xds/index.ts';

setDefaultTimeout(60_000);

/** Of three programs on a machine that is busy. */
const startMs = 50_000;
const root = join(import.meta.dir, '../..');
/** The balancer speaks from this address, clients from the other one. */
const [balancer, client] = ['127.0.0.1', '127.0.0.9'];

const mesh = (port: number, from: string) => `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { ports: [{ name: http, port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web, namespace: shop, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: http, port: ${port} }]
endpoints: [{ addresses: [127.0.0.1] }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop, annotations: { weft.dev/proxy-protocol-from: "${from}" } }
spec: { gatewayClassName: weft, listeners: [{ name: http, protocol: HTTP, port: 80 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: web, namespace: shop }
spec: { parentRefs: [{ name: edge }], rules: [{ backendRefs: [{ name: web, port: 80 }] }] }
`;

/** What an origin says of its client; '' where the connection was closed without an answer. */
function ask(port: number, before = ''): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host: '127.0.0.1', port, localAddress: client }, () => {
      socket.write(`${before}GET / HTTP/1.1\r\nhost: shop.example.com\r\nconnection: close\r\n\r\n`);
    });
    socket.on('data', (bytes) => {
      text += bytes.toString();
    });
    socket.on('error', () => {});
    socket.setTimeout(5_000, () => socket.destroy());
    socket.on('close', () => resolve(/client: (\S+)/.exec(text)?.[1] ?? ''));
  });
}

const haproxy = (ports: readonly (readonly [from: number, to: number])[]) => `
defaults
  mode tcp
  timeout connect 5s
  timeout client 5s
  timeout server 5s
${ports.map(([from, to]) => `listen p${from}\n  bind 127.0.0.1:${from}\n  server s 127.0.0.1:${to} send-proxy-v2`).join('\n')}
`;

describeWith(['envoy', 'haproxy'], 'a Gateway behind a balancer', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-balancer-'));
  const store = createMemoryStore();
  const clock = createSystemClock();
  const plane = createControlPlane({ clock, log: silentLog, store, directory: 'dir' });
  const ports = { weft: freePort(), envoy: freePort() };
  const balanced = { weft: freePort(), envoy: freePort() };
  const programs: Bun.Subprocess[] = [];
  let origin: Server;
  let xds: Awaited<ReturnType<typeof serveGrpcAds>>;
  let envoy: Envoy;

  const write = (from: string) =>
    store.write(
      'dir/mesh.yaml',
      new TextEncoder().encode(mesh((origin.address() as AddressInfo).port, from)),
    );
  const start = (...command: string[]) =>
    programs.push(Bun.spawn(command, { stdio: ['ignore', 'ignore', Bun.file(join(folder, 'log'))] }));

  beforeAll(async () => {
    origin = createServer(({ headers }, response) =>
      response.end(`client: ${headers['x-forwarded-for'] ?? 'nobody'} `),
    );
    await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
    await write(`${balancer}/32`);
    const address = { kind: 'ip', host: '127.0.0.1', port: 0 } as const;
    xds = serveGrpcAds({ network: createBunNetwork(), clock, server: plane.adsServer, address });
    plane.start();
    const xdsPort = xds.address.kind === 'ip' ? xds.address.port : 0;
    envoy = await startAdsEnvoy({
      nodeId: 'gateway~envoy-0.shop',
      cluster: 'edge',
      metadata: { listen: { gateway: `127.0.0.1:${ports.envoy}` } },
      xdsPort,
      apiType: 'DELTA_GRPC',
    });
    const bootstrap = encodeBootstrap({
      ...{ role: 'gateway', name: 'weft-0', namespace: 'shop', workload: 'edge', labels: {} },
      admin: { host: '127.0.0.1', port: freePort() },
      listen: { gateway: `127.0.0.1:${ports.weft}` },
      application: {},
      containerPorts: {},
      xds: { host: '127.0.0.1', port: xdsPort },
      identity: null,
    });
    writeFileSync(join(folder, 'bootstrap.json'), bootstrap);
    const pairs = (['weft', 'envoy'] as const).map((name) => [balanced[name], ports[name]] as const);
    writeFileSync(join(folder, 'haproxy.cfg'), haproxy(pairs));
    start(join(root, 'bin/weft'), 'proxy', '-c', join(folder, 'bootstrap.json'));
    start('haproxy', '-f', join(folder, 'haproxy.cfg'));
    for (const [name, port] of Object.entries(balanced))
      await until(`${name} serves`, async () => (await ask(port)) !== '', startMs);
  });

  afterAll(async () => {
    for (const program of programs) program.kill();
    await envoy?.stop();
    plane.stop();
    await xds?.close(500);
    origin?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const lie = 'PROXY TCP4 203.0.113.7 127.0.0.1 1 80\r\n';

  for (const name of ['weft', 'envoy'] as const)
    test(`${name} takes the balancer’s word of its client, and no connection of anybody else`, async () => {
      expect(await ask(balanced[name])).toBe(client);
      expect(await ask(ports[name], lie)).toBe('');
      expect(await ask(ports[name])).toBe('');
    });

  test('both believe whom the annotation names now', async () => {
    await write(`${client}/32`);
    for (const name of ['weft', 'envoy'] as const) {
      await until(`${name} follows`, async () => (await ask(ports[name], lie)) === '203.0.113.7');
      expect(await ask(balanced[name])).toBe('');
    }
    expect(plane.nacks.of('gateway~weft-0.shop')).toEqual([]);
  });
});
