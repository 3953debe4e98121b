// A real Envoy takes its configuration from the control plane by delta ADS, refuses nothing of it, and routes as the
// manifests say.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { silentLog } from '../base/index.ts';
import { createBunNetwork, createMemoryStore, createSystemClock } from '../net/index.ts';
import { type Envoy, startAdsEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { type GrpcAdsListener, serveGrpcAds } from '../xds/index.ts';
import type { ControlPlane } from './control-plane.ts';
import { createControlPlane, createMeshView } from './index.ts';

// Other processes are waited for; on a busy machine that takes its time.
setDefaultTimeout(60_000);

/** `name path` of what backends got. */
const seen: string[] = [];

function createBackend(name: string) {
  return Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const url = new URL(request.url);
      seen.push(`${name} ${url.pathname} ${request.headers.get('host')}`);
      if (url.pathname === '/slow') await Bun.sleep(8000);
      return Response.json({
        name,
        host: request.headers.get('host'),
        path: url.pathname + url.search,
        added: request.headers.get('x-added'),
        attempt: request.headers.get('x-envoy-attempt-count'),
      });
    },
  });
}

const service = (name: string, extra = '') => `---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: 80, targetPort: http }]${extra} }
`;

const slice = (name: string, ports: readonly number[]) =>
  ports
    .map(
      (port, index) => `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-${index}, namespace: shop, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ name: http, port: ${port} }]
endpoints: [{ addresses: [127.0.0.1] }]
`,
    )
    .join('');

const routes = (v2Weight: number) => `---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: web, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: web }]
  rules:
    - matches: [{ path: { value: /split } }]
      backendRefs: [{ name: v1, port: 80, weight: ${100 - v2Weight} }, { name: v2, port: 80, weight: ${v2Weight} }]
    - matches: [{ path: { value: / }, headers: [{ name: x-version, value: two }] }]
      filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { add: [{ name: x-added, value: 10% more }] } }]
      backendRefs: [{ name: v2, port: 80 }]
    - matches: [{ path: { value: /moved } }]
      filters: [{ type: RequestRedirect, requestRedirect: { hostname: new.example.com, path: { type: ReplacePrefixMatch, replacePrefixMatch: /here } } }]
    - matches: [{ path: { value: /api } }]
      filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: / } } }]
      backendRefs: [{ name: v1, port: 80 }]
    - matches: [{ path: { value: /all } }]
      filters: [{ type: URLRewrite, urlRewrite: { hostname: inner, path: { type: ReplaceFullPath, replaceFullPath: /one } } }]
      backendRefs: [{ name: v1, port: 80 }]
    - matches: [{ path: { value: /slow } }]
      timeouts: { request: 300ms }
      backendRefs: [{ name: v1, port: 80 }]
    - matches: [{ path: { value: /half } }]
      backendRefs: [{ name: v1, port: 80 }, { name: gone, port: 80 }]
    - matches: [{ path: { value: /copied } }]
      filters:
        - { type: RequestMirror, requestMirror: { backendRef: { name: v2, port: 80 } } }
        - { type: RequestMirror, requestMirror: { backendRef: { name: plain, port: 80 }, percent: 0 } }
        - type: CORS
          cors: { allowOrigins: [https://www.example.com, "https://*.example.org"], allowMethods: [GET, PUT], allowHeaders: [x-a], exposeHeaders: [x-b], allowCredentials: true, maxAge: 60 }
      backendRefs: [{ name: v1, port: 80 }]
    - matches: [{ path: { value: /broken } }]
      backendRefs: [{ name: gone, port: 80 }]
`;

const edge = `---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop }
spec: { gatewayClassName: weft, listeners: [{ name: http, protocol: HTTP, port: 8080, hostname: "*.example.com" }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: edge, namespace: shop }
spec:
  parentRefs: [{ name: edge }]
  hostnames: [www.example.com, "*.shop.example.com"]
  rules: [{ backendRefs: [{ name: v1, port: 80 }] }]
`;

describeWith(['envoy'], 'Envoy', () => {
  const v1 = createBackend('v1');
  const v2 = createBackend('v2');
  const store = createMemoryStore();
  const write = (path: string, text: string) => store.write(`dir/${path}`, new TextEncoder().encode(text));
  let plane: ControlPlane;
  let xds: GrpcAdsListener;
  let sidecar: Envoy;
  let gateway: Envoy;
  let agent: Envoy;
  let outbound = 0;
  let inbound = 0;
  let edgePort = 0;
  let agentPort = 0;

  const get = (port: number, host: string, path: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      redirect: 'manual',
      ...init,
      headers: { ...(init.headers as Record<string, string>), host },
    });

  beforeAll(async () => {
    await write('services.yaml', service('web') + service('v1') + service('v2') + service('plain'));
    await write(
      'slices.yaml',
      slice('v1', [v1.port ?? 0]) + slice('v2', [v2.port ?? 0]) + slice('plain', [v1.port ?? 0]),
    );
    await write('routes.yaml', routes(0));
    await write('edge.yaml', edge);
    const clock = createSystemClock();
    plane = createControlPlane({
      clock,
      log: silentLog,
      store,
      directory: 'dir',
    });
    xds = serveGrpcAds({
      network: createBunNetwork(),
      clock: createSystemClock(),
      server: plane.adsServer,
      address: { kind: 'ip', host: '127.0.0.1', port: 0 },
    });
    plane.start();
    const xdsPort = xds.address.kind === 'ip' ? xds.address.port : 0;
    [outbound, inbound, edgePort, agentPort] = [freePort(), freePort(), freePort(), freePort()];
    sidecar = await startAdsEnvoy({
      nodeId: 'sidecar~v1-0.shop',
      cluster: 'v1',
      metadata: {
        labels: { app: 'v1' },
        listen: { outbound: `127.0.0.1:${outbound}`, inbound: `127.0.0.1:${inbound}` },
        application: { http: v1.port ?? 0 },
        admin: '127.0.0.1:1',
      },
      xdsPort,
      apiType: 'DELTA_GRPC',
    });
    gateway = await startAdsEnvoy({
      nodeId: 'gateway~edge-0.shop',
      cluster: 'edge',
      metadata: { listen: { gateway: `127.0.0.1:${edgePort}` } },
      xdsPort,
      apiType: 'DELTA_GRPC',
    });
    agent = await startAdsEnvoy({
      nodeId: 'agent~node-1',
      cluster: 'node-1',
      metadata: { listen: { agent: `127.0.0.1:${agentPort}` } },
      xdsPort,
      apiType: 'DELTA_GRPC',
    });
    await until('the agent serves', async () => (await get(agentPort, 'plain.shop', '/')).status === 200);
    await until('the sidecar serves', async () => (await get(outbound, 'plain', '/')).status === 200);
    await until('the inbound side serves', async () => (await get(inbound, 'v1', '/')).status === 200);
    await until(
      'the gateway serves',
      async () => (await get(edgePort, 'www.example.com', '/')).status === 200,
    );
  });

  afterAll(async () => {
    await Promise.all([sidecar?.stop(), gateway?.stop(), agent?.stop()]);
    plane?.stop();
    await xds?.close(500);
    await Promise.all([v1.stop(true), v2.stop(true)]);
  });

  const body = async (response: Response) => (await response.json()) as Readonly<Record<string, string>>;

  test('every name of a Service reaches it', async () => {
    for (const host of [
      'plain',
      'plain:80',
      'plain.shop',
      'plain.shop.svc',
      'plain.shop.svc.cluster.local:80',
    ])
      expect((await get(outbound, host, '/')).status).toBe(200);
    expect((await get(outbound, 'nobody', '/')).status).toBe(404);
  });

  test('headers, rewrites and redirects', async () => {
    const two = await body(await get(outbound, 'web', '/x?a=1', { headers: { 'x-version': 'two' } }));
    expect(two).toMatchObject({ name: 'v2', added: '10% more', path: '/x?a=1', attempt: '1' });
    expect(await body(await get(outbound, 'web', '/api/a/b?c=1'))).toMatchObject({ path: '/a/b?c=1' });
    expect(await body(await get(outbound, 'web', '/api'))).toMatchObject({ path: '/' });
    expect(await body(await get(outbound, 'web', '/all/of/it?c=1'))).toMatchObject({
      path: '/one?c=1',
      host: 'inner',
    });
    const moved = await get(outbound, 'web', '/moved/on?x=1');
    expect([moved.status, moved.headers.get('location')]).toEqual([
      302,
      'http://new.example.com/here/on?x=1',
    ]);
  });

  test('what matches no attached route is refused, not passed on', async () => {
    expect((await get(outbound, 'web', '/nothing')).status).toBe(404);
  });

  test('a timeout of the route', async () => {
    const started = performance.now();
    expect((await get(outbound, 'web', '/slow')).status).toBe(504);
    expect(performance.now() - started).toBeLessThan(7000);
  });

  test('a backend that is not there answers 500 for its share', async () => {
    expect((await get(outbound, 'web', '/broken')).status).toBe(500);
    const statuses = new Set<number>();
    for (let i = 0; i < 60; i++) statuses.add((await get(outbound, 'web', '/half')).status);
    expect([...statuses].sort()).toEqual([200, 500]);
  });

  test('a copy goes to the mirror, under the same authority', async () => {
    expect(await body(await get(outbound, 'web', '/copied'))).toMatchObject({ name: 'v1' });
    await until('the copy', async () => seen.includes('v2 /copied web'));
    expect(seen.filter((one) => one.includes('/copied')).sort()).toEqual([
      'v1 /copied web',
      'v2 /copied web',
    ]);
  });

  test('who may read across origins', async () => {
    const preflight = (origin: string) =>
      get(outbound, 'web', '/copied', {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'PUT' },
      });
    for (const origin of ['https://www.example.com', 'https://a.b.example.org']) {
      const { status, headers } = await preflight(origin);
      expect([status, headers.get('access-control-allow-origin')]).toEqual([200, origin]);
      expect(headers.get('access-control-allow-methods')).toBe('GET, PUT');
      expect(headers.get('access-control-max-age')).toBe('60');
      expect(headers.get('access-control-allow-credentials')).toBe('true');
    }
    for (const origin of [
      'https://example.org',
      'https://www.example.com.evil.org',
      'http://www.example.com',
    ])
      expect((await preflight(origin)).headers.get('access-control-allow-origin')).toBeNull();
    const answer = await get(outbound, 'web', '/copied', { headers: { origin: 'https://www.example.com' } });
    expect(answer.headers.get('access-control-expose-headers')).toBe('x-b');
  });

  test('inbound takes what is meant for its workload, and nothing else', async () => {
    expect((await get(inbound, 'v1.shop', '/')).status).toBe(200);
    expect((await get(inbound, 'web', '/')).status).toBe(200);
    expect((await get(inbound, 'www.example.com:4711', '/')).status).toBe(200);
    // What a gateway passes on under a wildcard: the client's port, which is nobody's here, stands behind it.
    for (const host of ['a.shop.example.com', 'a.shop.example.com:30080', 'A.Shop.example.com:8080'])
      expect((await get(inbound, host, '/')).status).toBe(200);
    for (const host of ['v2', 'shop.example.com:30080', 'a.example.com:30080', 'a.shop.example.community:80'])
      expect((await get(inbound, host, '/')).status).toBe(421);
  });

  test('the gateway takes its hosts alone', async () => {
    expect((await get(edgePort, `www.example.com:${edgePort}`, '/')).status).toBe(200);
    expect((await get(edgePort, 'other.example.com', '/')).status).toBe(404);
  });

  test('an agent serves whoever is on its node, by names that say the namespace', async () => {
    for (const host of ['plain.shop', 'plain.shop.svc.cluster.local:80', 'plain.shop:80'])
      expect((await get(agentPort, host, '/')).status).toBe(200);
    for (const host of ['plain', 'nobody.shop']) expect((await get(agentPort, host, '/')).status).toBe(404);
    const two = await get(agentPort, 'web.shop', '/x', { headers: { 'x-version': 'two' } });
    expect(await body(two)).toMatchObject({ name: 'v2', added: '10% more' });
    expect((await get(agentPort, 'web.shop', '/slow')).status).toBe(504);
    expect((await get(agentPort, 'web.shop', '/broken')).status).toBe(500);
  });

  test('a change is applied while it runs, and measured', async () => {
    expect((await body(await get(outbound, 'web', '/split')))['name']).toBe('v1');
    await write('routes.yaml', routes(100));
    await until(
      'the split is moved',
      async () => (await body(await get(outbound, 'web', '/split')))['name'] === 'v2',
    );
    await write(
      'slices.yaml',
      slice('v1', [v1.port ?? 0]) + slice('v2', [v2.port ?? 0]) + slice('plain', [v2.port ?? 0]),
    );
    await until(
      'the endpoint is moved',
      async () => (await body(await get(outbound, 'plain', '/')))['name'] === 'v2',
    );
    expect(plane.proxies.changeToAck.count).toBeGreaterThan(0);
  });

  test('a faulty manifest breaks nothing and is reported', async () => {
    await write('routes.yaml', routes(100).replace('weight: 100', 'weight: -1'));
    await until('the fault is reported', async () =>
      createMeshView(plane).findings.some((one) => one.issue.rule.includes('whole number')),
    );
    expect(createMeshView(plane).objects.find((one) => one.key === 'shop/HTTPRoute/web')?.inForce).toBe(
      'partial',
    );
    // The rule at fault is refused, the others hold.
    await until('the rule is refused', async () => (await get(outbound, 'web', '/split')).status === 500);
    expect((await get(edgePort, `www.example.com:${edgePort}`, '/')).status).toBe(200);
    await write('routes.yaml', routes(100));
    await until('it is mended', async () => (await get(outbound, 'web', '/split')).status === 200);
    await write('routes.yaml', 'kind: [');
    await until('the file is reported', async () =>
      createMeshView(plane).findings.some((one) => one.issue.rule.includes('not YAML')),
    );
    expect((await body(await get(outbound, 'web', '/split')))['name']).toBe('v2');
    await write('routes.yaml', routes(0));
    await until('it is mended', async () =>
      createMeshView(plane).findings.every((one) => one.issue.rule.startsWith('BackendNotFound')),
    );
  });

  test('nothing was refused, and the API says who took what', async () => {
    for (const envoy of [sidecar, gateway, agent]) {
      const rejected = await envoy.stats('update_rejected');
      expect(Object.entries(rejected).filter(([, value]) => value > 0)).toEqual([]);
      expect(await envoy.log()).not.toMatch(/deprecated|reject/i);
    }
    const view = createMeshView(plane);
    expect(view.proxies.map((one) => [one.node, one.role, one.connected, one.nacks.length])).toEqual([
      ['agent~node-1', 'agent', true, 0],
      ['gateway~edge-0.shop', 'gateway', true, 0],
      ['sidecar~v1-0.shop', 'sidecar', true, 0],
    ]);
    const types = view.proxies[2]?.types ?? [];
    expect(types.map((one) => [one.typeUrl.split('.').at(-1), one.status])).toEqual([
      ['Cluster', 'SYNCED'],
      ['ClusterLoadAssignment', 'SYNCED'],
      ['Listener', 'SYNCED'],
      ['RouteConfiguration', 'SYNCED'],
    ]);
    expect(view.proxies[2]?.admin).toBe('127.0.0.1:1');
  });
});
