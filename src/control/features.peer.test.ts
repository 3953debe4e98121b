// The same cases of features through every client of the control plane: real Envoys, incremental and state of the
// world, and the xDS clients of grpc-js and grpc-go. Objects in, calls out, and nobody refuses anything.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLog } from '../base/index.ts';
import { createBunNetwork, createMemoryStore, createSystemClock, gunzip } from '../net/index.ts';
import { createAuthority } from '../testing/certificates.ts';
import { type GrpcEcho, startGrpcEcho } from '../testing/grpc-echo.ts';
import { describeWith, freePorts } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { type GrpcAdsListener, serveGrpcAds } from '../xds/index.ts';
import { type ControlPlane, createControlPlane } from './control-plane.ts';
import { type Asker, type FeaturePorts, featureCases, serverOf } from './testing/feature-cases.ts';
import {
  type EnvoyClient,
  type FeatureClient,
  startEnvoyClient,
  startProxyless,
} from './testing/feature-clients.ts';

setDefaultTimeout(60_000);

const root = fileURLToPath(new URL('../..', import.meta.url));
const makes = ['Envoy, incremental', 'Envoy, state of the world', 'grpc-js', 'grpc-go'] as const;
type Make = (typeof makes)[number];
const zone = 'a';

describeWith(['envoy', 'node', 'go'], 'features through each client', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-features-'));
  const store = createMemoryStore();
  const write = (file: string, text: string) => store.write(`dir/${file}`, new TextEncoder().encode(text));
  const clients = new Map<Make, FeatureClient>();
  const envoys = new Map<Make, EnvoyClient>();
  const servers: GrpcEcho[] = [];
  let ports: FeaturePorts;
  let plane: ControlPlane;
  let xds: GrpcAdsListener;

  async function startServers(inbound: number): Promise<FeaturePorts> {
    const authority = createAuthority();
    const { chainPem: cert, keyPem: key } = authority.issue({ dns: ['secure.example'] });
    const [a, b, s] = await Promise.all([
      startGrpcEcho('a'),
      startGrpcEcho('b'),
      startGrpcEcho('s', { cert, key }),
    ]);
    servers.push(a, b, s);
    return { a: a.port, b: b.port, s: s.port, inbound, authority: authority.pem };
  }

  async function startEnvoys(xdsPort: number, inbound: number): Promise<void> {
    const [spare = 0, ...outbounds] = freePorts(3);
    const apiTypes = ['DELTA_GRPC', 'GRPC'] as const;
    const started = apiTypes.map(async (apiType, at) => {
      const outbound = outbounds[at] ?? 0;
      const listen = {
        outbound: `127.0.0.1:${outbound}`,
        inbound: `127.0.0.1:${at === 0 ? inbound : spare}`,
      };
      const application = { fenced: ports.a, 'let-in': ports.b };
      const metadata = { labels: { app: 'keeper' }, listen, application };
      const node = `sidecar~keeper-${at}.shop`;
      const envoy = await startEnvoyClient({ node, apiType, metadata, xdsPort, outbound, zone });
      const make = makes[at] ?? makes[0];
      clients.set(make, envoy);
      envoys.set(make, envoy);
      await until('it serves', async () => (await envoy.call({ host: 'plain' })).echoed !== null);
    });
    await Promise.all(started);
  }

  beforeAll(async () => {
    const program = join(folder, 'calls');
    const built = Bun.spawn(['go', 'build', '-o', program, './calls'], {
      cwd: join(root, 'tools/peers/go-control-plane'),
      stderr: 'inherit',
    });
    const [inbound = 0] = freePorts(1);
    ports = await startServers(inbound);
    for (const [at, one] of featureCases.entries()) await write(`${at}.yaml`, one.manifests(ports));
    const clock = createSystemClock();
    plane = createControlPlane({ clock, log: silentLog, store, directory: 'dir' });
    const address = { kind: 'ip', host: '127.0.0.1', port: 0 } as const;
    xds = serveGrpcAds({ network: createBunNetwork(), clock, server: plane.adsServer, gunzip, address });
    plane.start();
    const xdsPort = xds.address.kind === 'ip' ? xds.address.port : 0;
    const common = { folder, xdsPort, zone };
    const script = join(root, 'tools/peers/grpc-js-xds.mjs');
    clients.set('grpc-js', startProxyless({ ...common, node: 'grpc~js-0.shop', command: ['node', script] }));
    await startEnvoys(xdsPort, inbound);
    expect(await built.exited).toBe(0);
    clients.set('grpc-go', startProxyless({ ...common, node: 'grpc~go-0.shop', command: [program] }));
  }, 600_000);

  afterAll(async () => {
    await Promise.all([...clients.values()].map((client) => client.stop()));
    plane?.stop();
    await xds?.close(200);
    for (const server of servers) server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function askerOf(make: Make): Asker {
    const { call } = clients.get(make)!;
    return {
      id: `${makes.indexOf(make)}`,
      call,
      answers: (asked, times) =>
        Promise.all(Array.from({ length: times }, async () => serverOf(await call(asked)))),
      arrivals: (id) => servers.flatMap(({ seen }) => seen.filter((one) => one === id)).length,
      write,
    };
  }

  test('what users wrote is understood, but for backends that are meant to be missing', () => {
    const said = plane
      .describeObjects()
      .flatMap(({ key, conditions }) =>
        conditions.filter(({ status }) => status === 'False').map(({ reason }) => `${key} ${reason}`),
      );
    expect(said).toEqual(['shop/HTTPRoute/hole BackendNotFound', 'shop/HTTPRoute/none BackendNotFound']);
  });

  test.each(featureCases)('$name', async ({ ask, expected, proxyless }) => {
    const wanted = makes.map((make) => [
      make,
      envoys.has(make) ? expected : (proxyless?.expected ?? expected),
    ]);
    const asked = makes.map(async (make) => [make, await ask(askerOf(make), ports)]);
    expect(await Promise.all(asked)).toEqual(wanted);
  });

  test.each([...makes])('%s refused nothing, and has all that it asked for', async (make) => {
    const { node } = clients.get(make)!;
    const types = () => plane.adsServer.status().find((one) => one.node?.id === node)?.types ?? [];
    await until('all is acknowledged', () => types().every(({ status }) => status === 'SYNCED'));
    expect(types().map(({ error }) => error)).toEqual(types().map(() => ''));
    expect(plane.counters.nacks).toBe(0);
    const rejected = (await envoys.get(make)?.envoy.stats('update_rejected')) ?? {};
    expect(Object.entries(rejected).filter(([, value]) => value > 0)).toEqual([]);
    expect((await envoys.get(make)?.envoy.log()) ?? '').not.toMatch(/deprecated|reject/i);
  });
});
