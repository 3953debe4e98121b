// What callers behind a sidecar get, through whole programs: an Envoy and Weft's proxy as sidecars of one node, of one
// control plane. Endpoints of their own node alone, the same endpoint for the same client, and places outside the
// cluster.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../base/index.ts';
import { createControlPlane } from '../control/index.ts';
import { encodeBootstrap } from '../deploy/index.ts';
import { createBunNetwork, createMemoryStore, createSystemClock } from '../net/index.ts';
import { createAuthority } from '../testing/certificates.ts';
import { type Envoy, startAdsEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { serveGrpcAds } from '../xds/index.ts';

setDefaultTimeout(60_000);

const root = join(import.meta.dir, '../..');
const authority = createAuthority();

/** `nodes`: where its endpoints are said to be, one for each port. */
const service = (name: string, spec: string, ports: readonly number[], nodes: readonly string[]) => `---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: bank }
spec: { ${spec}, ports: [{ name: http, port: 80 }] }
${ports
  .map(
    (port, at) => `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-${at}, namespace: bank, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ name: http, port: ${port} }]
endpoints: [{ addresses: [127.0.0.1], nodeName: ${nodes[at % nodes.length]} }]
`,
  )
  .join('')}`;

/** What this machine calls itself: a name that its resolver knows, and that is not `localhost`. */
const outside = (name: string, port: number, names: string) => `---
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackend
metadata: { name: ${name}, namespace: bank }
spec:
  type: ExternalHostname
  port: { port: ${port} }
  externalHostname: { hostname: ${hostname().toLowerCase()} }
  tls: { mode: ServerOnly, validation: { caCertificateRefs: [{ group: "", kind: ConfigMap, name: bundle }], hostname: ${names} } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: bank }
spec:
  parentRefs: [{ group: "", kind: Service, name: sticky }]
  rules:
    - matches: [{ path: { value: /${name} } }]
      backendRefs: [{ group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name} }]
    - matches: [{ path: { value: /${name}/not } }]
      backendRefs: [{ name: sticky, port: 80 }]
`;

/** From another address of this machine, as of another pod. */
function ask(port: number, host: string, path = '/', localAddress = '127.0.0.1'): Promise<string> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, path, localAddress, headers: { host }, agent: false };
    const call = request(options, (response) => {
      let text = '';
      response.on('data', (bytes) => {
        text += String(bytes);
      });
      response.on('end', () => resolve(response.statusCode === 200 ? text : `${response.statusCode}`));
    });
    call.on('error', ({ message }) => resolve(message));
    call.end();
  });
}

describeWith(['envoy'], 'callers behind a sidecar', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-sidecars-'));
  const store = createMemoryStore();
  const write = (path: string, text: string) => store.write(`dir/${path}`, new TextEncoder().encode(text));
  const clock = createSystemClock();
  const plane = createControlPlane({ clock, log: silentLog, store, directory: 'dir' });
  const origins = ['a', 'b', 'c', 'd'].map((name) =>
    Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response(name) }),
  );
  const ports = origins.map(({ port }) => port ?? 0);
  const { chainPem: cert, keyPem: key } = authority.issue({ commonName: 'x', dns: ['partner.example.com'] });
  const partner = createSecureServer({ cert, key }, ({ headers }, response) => response.end(headers.host));
  const sidecars: { readonly [name: string]: number } = { weft: freePort(), envoy: freePort() };
  const askAll = (...what: [host: string, path?: string, from?: string]) =>
    Promise.all(Object.values(sidecars).map((port) => ask(port, ...what)));
  let xds: Awaited<ReturnType<typeof serveGrpcAds>>;
  let envoy: Envoy;
  let weft: Bun.Subprocess;

  const writeLocal = (...nodes: readonly string[]) =>
    write('local.yaml', service('local', 'internalTrafficPolicy: Local', ports, nodes));
  /** Connections are led to it, or so it is told: callers are who they are by their address. */
  const metadataOf = (name: string) => ({
    namespace: 'bank',
    node: 'n1',
    capture: true,
    labels: { app: 'caller' },
    listen: { outbound: `127.0.0.1:${sidecars[name]}`, inbound: `127.0.0.1:${freePort()}` },
  });

  beforeAll(async () => {
    await new Promise<void>((resolve) => partner.listen(0, '0.0.0.0', resolve));
    const { port } = partner.address() as AddressInfo;
    const bundle = `---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: bundle, namespace: bank }\ndata: { ca.crt: ${JSON.stringify(authority.pem)} }\n`;
    await write('bundle.yaml', bundle);
    await write('sticky.yaml', service('sticky', 'sessionAffinity: ClientIP', ports, ['n1', 'n2']));
    await write(
      'outside.yaml',
      outside('partner', port, 'partner.example.com') + outside('wrong', port, 'other.example.com'),
    );
    await writeLocal('n1', 'n2');
    const address = { kind: 'ip', host: '127.0.0.1', port: 0 } as const;
    xds = serveGrpcAds({ network: createBunNetwork(), clock, server: plane.adsServer, address });
    plane.start();
    const xdsPort = xds.address.kind === 'ip' ? xds.address.port : 0;
    const bootstrap = encodeBootstrap({
      role: 'sidecar',
      name: 'weft-0',
      namespace: 'bank',
      workload: 'caller',
      labels: {},
      admin: { host: '127.0.0.1', port: freePort() },
      listen: {},
      application: {},
      containerPorts: {},
      xds: { host: '127.0.0.1', port: xdsPort },
      identity: null,
    });
    const parsed = JSON.parse(bootstrap) as { node: { metadata: object } };
    parsed.node.metadata = metadataOf('weft');
    writeFileSync(join(folder, 'bootstrap.json'), JSON.stringify(parsed));
    const command = [join(root, 'bin/weft'), 'proxy', '-c', join(folder, 'bootstrap.json'), '--warm-up', '0'];
    weft = Bun.spawn(command, { stdio: ['ignore', 'ignore', Bun.file(join(folder, 'weft.log'))] });
    envoy = await startAdsEnvoy({
      nodeId: 'sidecar~envoy-0.bank',
      cluster: 'caller',
      metadata: metadataOf('envoy'),
      xdsPort,
      apiType: 'DELTA_GRPC',
    });
    for (const [name, port] of Object.entries(sidecars))
      await until(`${name} serves`, async () => (await ask(port, 'local')).length === 1);
  });

  afterAll(async () => {
    weft?.kill();
    await weft?.exited;
    await envoy?.stop();
    plane.stop();
    await xds?.close(500);
    await Promise.all(origins.map((origin) => origin.stop(true)));
    partner.close();
    rmSync(folder, { recursive: true });
  });

  async function meetLocal(): Promise<readonly string[]> {
    const met = new Set<string>();
    for (let call = 0; call < 40; call++) for (const answer of await askAll('local')) met.add(answer);
    return [...met].sort();
  }

  test('internalTrafficPolicy Local: endpoints of their own node alone, and none where it has none', async () => {
    expect(await meetLocal()).toEqual(['a', 'c']);
    await writeLocal('n2', 'n2', 'n2', 'n1');
    await until('they moved', async () => Bun.deepEquals(await askAll('local'), ['d', 'd']));
    expect(await meetLocal()).toEqual(['d']);
    await writeLocal('n2');
    await until('nobody is left', async () => Bun.deepEquals(await askAll('local'), ['503', '503']));
    await writeLocal('n1');
    await until('all are there', async () => !(await askAll('local')).includes('503'));
    expect(await meetLocal()).toEqual(['a', 'b', 'c', 'd']);
  });

  const clients = Array.from({ length: 16 }, (_, at) => `127.0.1.${at + 1}`);

  test('sessionAffinity ClientIP: each client meets one endpoint, at both proxies the same', async () => {
    const met: Record<string, string> = {};
    for (const client of clients)
      for (let call = 0; call < 5; call++) {
        const answers = await askAll('sticky', '/partner/not', client);
        met[client] ??= answers[0]!;
        expect([client, ...answers]).toEqual([client, met[client], met[client]]);
      }
    expect(new Set(Object.values(met)).size).toBeGreaterThan(2);
    // One endpoint less moves those that were with it, and of the others hardly one.
    await write('sticky.yaml', service('sticky', 'sessionAffinity: ClientIP', ports.slice(1), ['n1']));
    await until('a has left', async () =>
      (await Promise.all(clients.map((client) => askAll('sticky', '/partner/not', client))))
        .flat()
        .every((answer) => answer !== 'a'),
    );
    let moved = 0;
    for (const client of clients) {
      const answers = await askAll('sticky', '/partner/not', client);
      expect(new Set(answers).size).toBe(1);
      if (met[client] !== 'a' && met[client] !== answers[0]) moved += 1;
    }
    expect(moved).toBeLessThan(2);
  });

  test('a place outside is called by its name, in TLS, and nobody else is taken for it', async () => {
    expect(await askAll('sticky', '/partner')).toEqual(['sticky', 'sticky']);
    expect(await askAll('sticky', '/wrong')).toEqual(['503', '503']);
  });

  test('nothing was refused', async () => {
    const rejected = await envoy.stats('update_rejected');
    expect(Object.entries(rejected).filter(([, value]) => value > 0)).toEqual([]);
    for (const name of ['weft', 'envoy']) expect(plane.nacks.of(`sidecar~${name}-0.bank`)).toEqual([]);
  });
});
