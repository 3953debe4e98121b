// A Gateway's TLS through the whole of it: manifests to the control plane, xDS to Weft's proxy and to a real Envoy, and
// what clients with OpenSSL's eyes see: certificates by name, one that is renewed, TLS passed through, TLS towards
// pods.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connect,
  createServer as createTlsServer,
  type PeerCertificate,
  type Server as TlsServer,
} from 'node:tls';
import { silentLog } from '../base/index.ts';
import { createControlPlane } from '../control/index.ts';
import { encodeBootstrap } from '../deploy/index.ts';
import { createBunNetwork, createMemoryStore, createSystemClock } from '../net/index.ts';
import { createAuthority } from '../testing/certificates.ts';
import { type Envoy, startAdsEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { serveGrpcAds } from '../xds/index.ts';
import { openTunnel, startVpnServer, type VpnServer, vpnProtocol } from './testing/vpn.ts';

setDefaultTimeout(60_000);

const root = join(import.meta.dir, '../..');
const authority = createAuthority();
const issue = (name: string) => authority.issue({ commonName: name, dns: [name] });
const backendIdentity = issue('pods.example.com');

const secret = (name: string, { chainPem, keyPem }: ReturnType<typeof issue>) => `---
apiVersion: v1
kind: Secret
metadata: { name: ${name}, namespace: shop }
type: kubernetes.io/tls
stringData: { tls.crt: ${JSON.stringify(chainPem)}, tls.key: ${JSON.stringify(keyPem)} }
`;

const service = (name: string, port: number) => `---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { ports: [{ name: web, port: 443 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}, namespace: shop, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ name: web, port: ${port} }]
endpoints: [{ addresses: [127.0.0.1] }]
`;

/** What this machine calls itself: a name that its resolver knows, and that is not `localhost`. */
const outside = (port: number) => `---
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackend
metadata: { name: outside, namespace: shop }
spec:
  type: ExternalHostname
  port: { port: ${port} }
  externalHostname: { hostname: ${hostname().toLowerCase()} }
  tls:
    mode: ClientAndServer
    clientCertificateRef: { name: named }
    validation: { caCertificateRefs: [{ group: "", kind: ConfigMap, name: bundle }], hostname: pods.example.com }
`;

const passRoute = (name: string, backend: string) => `---
apiVersion: gateway.networking.k8s.io/v1
kind: TLSRoute
metadata: { name: ${name}, namespace: shop }
spec:
  parentRefs: [{ name: edge }]
  hostnames: [${name}.example.org]
  rules: [{ backendRefs: [{ name: ${backend}, port: 443 }] }]
`;

const gateway = `---
apiVersion: v1
kind: ConfigMap
metadata: { name: bundle, namespace: shop }
data: { ca.crt: ${JSON.stringify(authority.pem)} }
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: { name: secure, namespace: shop }
spec:
  targetRefs: [{ group: "", kind: Service, name: secure }, { group: "", kind: Service, name: proven }]
  validation: { caCertificateRefs: [{ group: "", kind: ConfigMap, name: bundle }], hostname: pods.example.com }
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: { name: wrong, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z" }
spec:
  targetRefs: [{ group: "", kind: Service, name: wrong }]
  validation: { caCertificateRefs: [{ group: "", kind: ConfigMap, name: bundle }], hostname: others.example.com }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop }
spec:
  gatewayClassName: weft
  tls: { backend: { clientCertificateRef: { name: client } } }
  listeners:
    - { name: any, protocol: HTTPS, port: 443, tls: { certificateRefs: [{ name: any }] } }
    - { name: named, protocol: HTTPS, port: 443, hostname: named.example.com, tls: { certificateRefs: [{ name: named }] } }
    - { name: passed, protocol: TLS, port: 443, hostname: "*.example.org", tls: { mode: Passthrough } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: web, namespace: shop }
spec:
  parentRefs: [{ name: edge }]
  rules:
    - { matches: [{ path: { value: /plain } }], backendRefs: [{ name: plain, port: 443 }] }
    - { matches: [{ path: { value: /secure } }], backendRefs: [{ name: secure, port: 443 }] }
    - { matches: [{ path: { value: /wrong } }], backendRefs: [{ name: wrong, port: 443 }] }
    - { matches: [{ path: { value: /proven } }], backendRefs: [{ name: proven, port: 443 }] }
    - { matches: [{ path: { value: /outside } }], backendRefs: [{ group: gateway.networking.x-k8s.io, kind: XBackend, name: outside }] }
${passRoute('passed', 'passed')}${passRoute('vpn', 'vpn')}`;

interface Answer {
  readonly status: number;
  readonly subject: string;
}

/** One request over a connection of its own; status 0: there was no answer. */
function ask(port: number, serverName: string, host: string, path: string): Promise<Answer> {
  return new Promise((resolve) => {
    let text = '';
    let subject = '';
    const socket = connect({ host: '127.0.0.1', port, servername: serverName, ca: authority.pem }, () => {
      subject = String((socket.getPeerCertificate() as PeerCertificate).subject?.CN ?? '');
      socket.write(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
    });
    const end = () => resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), subject });
    socket.on('data', (bytes) => {
      text += bytes.toString();
    });
    socket.on('end', end);
    socket.on('error', end);
    socket.setTimeout(5_000, () => socket.destroy());
    socket.on('close', end);
  });
}

/** Whom a client meets that asks for this name, whoever signed it; or why nobody. */
function passThrough(port: number, serverName: string): Promise<string> {
  return new Promise<string>((resolve) => {
    const options = { host: '127.0.0.1', port, servername: serverName, rejectUnauthorized: false };
    const socket = connect(options, () => {
      resolve(String((socket.getPeerCertificate() as PeerCertificate).subject?.CN));
      socket.destroy();
    });
    socket.on('error', (error) => resolve(error.message));
    socket.on('close', () => resolve('closed'));
  });
}

describeWith(['envoy', 'python3'], 'a Gateway with TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-gateway-'));
  const store = createMemoryStore();
  const write = (path: string, text: string) => store.write(`dir/${path}`, new TextEncoder().encode(text));
  const clock = createSystemClock();
  const plane = createControlPlane({ clock, log: silentLog, store, directory: 'dir' });
  const servers: (Server | TlsServer)[] = [];
  const ports: { readonly [proxy: string]: number } = { weft: freePort(), envoy: freePort() };
  let xds: Awaited<ReturnType<typeof serveGrpcAds>>;
  let envoy: Envoy;
  let weft: Bun.Subprocess;
  let vpn: VpnServer;

  /** Names in the certificates that the pods of `proven` were shown, each once. */
  const shown = new Set<string>();

  async function listen(server: Server | TlsServer): Promise<number> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    return (server.address() as AddressInfo).port;
  }

  function serve(name: string, secure: boolean): Promise<number> {
    const answer = (_request: unknown, response: { end(text: string): void }) => response.end(name);
    const { chainPem: cert, keyPem: key } = backendIdentity;
    return listen(secure ? createSecureServer({ cert, key }, answer) : createServer(answer));
  }

  /** It takes nobody without a certificate. */
  function serveProven(): Promise<number> {
    const { chainPem: cert, keyPem: key } = backendIdentity;
    const options = { cert, key, ca: authority.pem, requestCert: true, rejectUnauthorized: true };
    const server = createTlsServer(options, (socket) => {
      socket.on('data', () => {
        shown.add(String(socket.getPeerCertificate().subject?.CN));
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
      });
      socket.on('error', () => socket.destroy());
    });
    return listen(server);
  }

  const writeSecrets = (any = issue('any.example.com'), client = issue('edge.example.com')) =>
    write(
      'secrets.yaml',
      secret('any', any) + secret('named', issue('named.example.com')) + secret('client', client),
    );

  beforeAll(async () => {
    const [plain, secure] = [await serve('plain', false), await serve('secure', true)];
    const services = ['secure', 'wrong', 'passed'].map((name) => service(name, secure)).join('');
    const proven = await serveProven();
    vpn = await startVpnServer(issue('vpn.example.org'), authority.pem);
    const others = service('proven', proven) + service('vpn', vpn.port) + outside(proven);
    await write('services.yaml', services + others + service('plain', plain));
    await writeSecrets();
    await write('gateway.yaml', gateway);
    const address = { kind: 'ip', host: '127.0.0.1', port: 0 } as const;
    xds = serveGrpcAds({ network: createBunNetwork(), clock, server: plane.adsServer, address });
    plane.start();
    const xdsPort = xds.address.kind === 'ip' ? xds.address.port : 0;
    envoy = await startAdsEnvoy({
      nodeId: 'gateway~envoy-0.shop',
      cluster: 'edge',
      metadata: { listen: { gateway: `127.0.0.1:${ports['envoy']}` } },
      xdsPort,
      apiType: 'DELTA_GRPC',
    });
    const bootstrap = encodeBootstrap({
      role: 'gateway',
      name: 'weft-0',
      namespace: 'shop',
      workload: 'edge',
      labels: {},
      admin: { host: '127.0.0.1', port: freePort() },
      listen: { gateway: `127.0.0.1:${ports['weft']}` },
      application: {},
      containerPorts: {},
      xds: { host: '127.0.0.1', port: xdsPort },
      identity: null,
    });
    writeFileSync(join(folder, 'bootstrap.json'), bootstrap);
    const command = [join(root, 'bin/weft'), 'proxy', '-c', join(folder, 'bootstrap.json')];
    weft = Bun.spawn(command, { stdio: ['ignore', 'ignore', Bun.file(join(folder, 'weft.log'))] });
    for (const [name, port] of Object.entries(ports))
      await until(
        `${name} serves`,
        async () => (await ask(port, 'any.example.com', 'a', '/plain')).status === 200,
      );
  });

  afterAll(async () => {
    weft?.kill();
    await envoy?.stop();
    plane.stop();
    await xds?.close(500);
    await vpn?.stop();
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const name of ['weft', 'envoy']) {
    const port = ports[name] ?? 0;
    const get = (serverName: string, path: string, host = serverName) => ask(port, serverName, host, path);

    test(`${name}: a certificate for each name, and requests for others sent away`, async () => {
      expect(await get('any.example.com', '/plain')).toEqual({ status: 200, subject: 'any.example.com' });
      expect(await get('named.example.com', '/plain')).toEqual({ status: 200, subject: 'named.example.com' });
      const misdirected = [
        await get('any.example.com', '/plain', 'named.example.com'),
        await get('named.example.com', '/plain', 'any.example.com'),
      ];
      expect(misdirected.map(({ status }) => status)).toEqual([421, 421]);
    });

    test(`${name}: TLS is passed through by name`, async () => {
      expect((await get('passed.example.org', '/')).subject).toBe('');
      expect(await passThrough(port, 'passed.example.org')).toBe('pods.example.com');
    });

    test(`${name}: a VPN behind it speaks as it wants, both ways, and outlives a change of the Gateway`, async () => {
      const options = { port, serverName: 'vpn.example.org', trusted: authority.pem };
      const [tunnel, stranger] = [
        openTunnel({ ...options, own: issue('laptop') }),
        openTunnel({ ...options, own: null }),
      ];
      await until('it is let in', () => tunnel.packets.length > 0);
      expect(String(tunnel.packets[0])).toBe(`10.8.0.2 for laptop by ${vpnProtocol}`);
      // Who shows nothing is refused by the VPN itself.
      await until('it is refused', () => stranger.isClosed);
      expect([stranger.packets.length, stranger.keptCount]).toEqual([0, 0]);

      const sent = Array.from({ length: 500 }, () => randomBytes(1_400));
      for (const packet of sent) tunnel.send(packet);
      await until('all are answered', () => tunnel.packets.length > sent.length);
      const answers = sent.map((packet) => Buffer.from(packet).reverse());
      expect(Buffer.concat(tunnel.packets.slice(1)).equals(Buffer.concat(answers))).toBe(true);

      const later = `later-${name}`;
      await write(`${later}.yaml`, passRoute(later, 'passed'));
      await until(
        'the change is there',
        async () => (await passThrough(port, `${later}.example.org`)) === 'pods.example.com',
      );
      const heard = tunnel.keptCount;
      await until('it is heard unasked', () => tunnel.keptCount > heard + 3);
      tunnel.send(Buffer.from('still here'));
      await until('it is answered', () => String(tunnel.packets.at(-1)) === 'ereh llits');
      tunnel.end();
      await until('it ends', () => tunnel.isClosed);
    });

    test(`${name}: TLS towards pods, and nobody else taken for them`, async () => {
      expect((await get('any.example.com', '/secure')).status).toBe(200);
      expect((await get('any.example.com', '/wrong')).status).toBe(503);
    });
  }

  test('a certificate that is renewed is shown from the next connection on, and no request fails', async () => {
    const statuses: number[] = [];
    let renewed = false;
    const load = (async () => {
      while (!renewed)
        for (const port of Object.values(ports))
          statuses.push((await ask(port, 'any.example.com', 'a', '/plain')).status);
    })();
    const other = authority.issue({ commonName: 'renewed', dns: ['any.example.com'] });
    await writeSecrets(other);
    for (const [name, port] of Object.entries(ports))
      await until(
        `${name} shows it`,
        async () => (await ask(port, 'any.example.com', 'a', '/plain')).subject === 'renewed',
      );
    renewed = true;
    await load;
    expect(statuses.length).toBeGreaterThan(0);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
  });

  test('pods that ask for it are shown the certificate of the Gateway, and another once it is renewed', async () => {
    const askAll = () =>
      Promise.all(Object.values(ports).map((port) => ask(port, 'any.example.com', 'a', '/proven')));
    expect((await askAll()).map(({ status }) => status)).toEqual([200, 200]);
    expect([...shown]).toEqual(['edge.example.com']);
    await writeSecrets(undefined, issue('renewed.example.com'));
    for (const [name, port] of Object.entries(ports)) {
      await until(`${name} shows it`, async () => {
        shown.clear();
        const { status } = await ask(port, 'any.example.com', 'a', '/proven');
        expect(status).toBe(200);
        return shown.has('renewed.example.com');
      });
    }
  });

  test('a place outside is called by its name, in TLS, with the certificate that is meant for it', async () => {
    for (const port of Object.values(ports)) {
      shown.clear();
      expect((await ask(port, 'any.example.com', 'a', '/outside')).status).toBe(200);
      expect([...shown]).toEqual(['named.example.com']);
    }
  });

  test('nothing was refused, and no key is in what the control plane shows', async () => {
    const rejected = await envoy.stats('update_rejected');
    expect(Object.entries(rejected).filter(([, value]) => value > 0)).toEqual([]);
    expect(plane.nacks.of('gateway~weft-0.shop')).toEqual([]);
    expect(JSON.stringify(plane.describeObjects())).not.toContain('PRIVATE KEY');
  });
});
