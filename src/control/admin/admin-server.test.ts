import { afterAll, beforeAll, expect, test } from 'bun:test';
import { silentLog } from '../../base/index.ts';
import { service, slice } from '../testing/manifests.ts';
import { type Client, World } from '../testing/world.ts';
import { type AdminServer, serveAdmin } from './admin-server.ts';
import type { MeshView } from './mesh-view.ts';
import type { ProxyResourcesView } from './proxy-resources.ts';

const world = new World();
let admin: AdminServer;
let client: Client;
let missing: string | null = null;

beforeAll(() => {
  admin = serveAdmin({
    plane: world.plane,
    log: silentLog,
    host: '127.0.0.1',
    port: 0,
    missing: () => missing,
    pages: (request) => (new URL(request.url).pathname === '/' ? new Response('a page') : null),
  });
});

afterAll(async () => {
  client.stop();
  world.plane.stop();
  await admin.stop();
});

const get = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${admin.port}${path}`, { method });

test('ready only after the manifests were read', async () => {
  expect((await get('/healthz')).status).toBe(200);
  expect((await get('/ready')).status).toBe(503);
  await world.write('a.yaml', service('ledger') + slice('ledger', ['10.0.0.1']));
  await world.start();
  missing = 'nobody can come in';
  const lacking = await get('/ready');
  expect([lacking.status, await lacking.text()]).toEqual([503, 'nobody can come in\n']);
  missing = null;
  expect((await get('/ready')).status).toBe(200);
  client = world.connect('agent~node-1', { metadata: { admin: '127.0.0.1:15000', namespace: 'bank' } });
  await world.run(100);
});

test('the mesh as JSON', async () => {
  const view = (await (await get('/api/v1/mesh')).json()) as MeshView;
  expect(
    view.services.map((one) => one.ports.map((port) => [port.id, port.endpoints.map((end) => end.host)])),
  ).toEqual([[['bank/ledger:80', ['10.0.0.1']]]]);
  expect(view.proxies[0]).toMatchObject({
    node: 'agent~node-1',
    role: 'agent',
    admin: '127.0.0.1:15000',
    connected: true,
  });
  expect(view.proxies[0]?.types.every((type) => type.status === 'SYNCED' && type.ackedAtMs > 0)).toBe(true);
});

test('what a proxy is served and has, with the resources where asked', async () => {
  const ask = async (query: string) => get(`/api/v1/xds?${query}`);
  const view = (await (await ask('node=agent~node-1&bodies=all')).json()) as ProxyResourcesView;
  const clusters = view.types.find(({ typeUrl }) => typeUrl.endsWith('.Cluster'));
  expect(clusters?.resources[0]).toMatchObject({
    name: 'bank/ledger:80',
    state: 'synced',
    served: { name: 'bank/ledger:80', type: 'EDS' },
  });
  expect(clusters?.resources[0]?.heldVersion).toBe(clusters!.resources[0]!.servedVersion);
  const plain = (await (await ask('node=agent~node-1')).json()) as ProxyResourcesView;
  expect(plain.types.flatMap(({ resources }) => resources).every(({ served }) => served === undefined)).toBe(
    true,
  );
  expect((await ask('node=nobody')).status).toBe(404);
  expect((await ask('node=agent~node-1&bodies=some')).status).toBe(400);
});

test.each(['/api/v1/mesh', '/metrics', '/', '/healthz'])(
  '%s is not for pages of other sites, by whatever name they call us',
  async (path) => {
    const url = `http://127.0.0.1:${admin.port}${path}`;
    expect((await fetch(url, { headers: { host: `evil.example.com:${admin.port}` } })).status).toBe(403);
    expect((await fetch(url, { headers: { origin: 'https://evil.example.com' } })).status).toBe(403);
    const own = { host: `localhost:${admin.port}`, origin: `http://localhost:${admin.port}` };
    expect((await fetch(url, { headers: own })).status).toBe(200);
  },
);

test('metrics', async () => {
  const response = await get('/metrics');
  expect(response.headers.get('content-type')).toContain('version=0.0.4');
  const text = await response.text();
  for (const line of [
    'weft_control_synced 1',
    'weft_control_proxies{role="agent"} 1',
    'weft_control_endpoints 1',
    'weft_control_acks_total 5',
    'weft_control_objects{kind="Service"} 1',
  ])
    expect(text).toContain(`${line}\n`);
});

test('pages of the layer above, and what nobody knows', async () => {
  expect(await (await get('/')).text()).toBe('a page');
  expect((await get('/nothing')).status).toBe(404);
  expect((await get('/metrics', 'POST')).status).toBe(404);
});
