// A real Envoy that takes outbound virtual hosts one by one: VHDS over the same delta stream, all hosts of its table,
// nothing on demand.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { silentLog } from '../base/index.ts';
import { createBunNetwork, createMemoryStore, createSystemClock } from '../net/index.ts';
import { type Envoy, startAdsEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { type GrpcAdsListener, serveGrpcAds } from '../xds/index.ts';
import { type ControlPlane, createControlPlane } from './control-plane.ts';
import { localService } from './testing/manifests.ts';

setDefaultTimeout(60_000);

describeWith(['envoy'], 'Envoy by VHDS', () => {
  const backend = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('here') });
  const store = createMemoryStore();
  const write = (path: string, text: string) => store.write(`dir/${path}`, new TextEncoder().encode(text));
  let plane: ControlPlane;
  let xds: GrpcAdsListener;
  let envoy: Envoy;
  const outbound = freePort();

  const local = (name: string) => localService(name, backend.port ?? 0);
  const status = async (host: string) =>
    (await fetch(`http://127.0.0.1:${outbound}/`, { headers: { host } })).status;
  const tablesTaken = async () => {
    const counts = Object.entries(await envoy.stats('rds\\.outbound\\.update_success'));
    return counts.find(([name]) => name.includes('.rds.outbound.'))?.[1];
  };

  beforeAll(async () => {
    await write('ledger.yaml', local('ledger'));
    const clock = createSystemClock();
    plane = createControlPlane({ clock, log: silentLog, store, directory: 'dir' });
    xds = serveGrpcAds({
      network: createBunNetwork(),
      clock,
      server: plane.adsServer,
      address: { kind: 'ip', host: '127.0.0.1', port: 0 },
    });
    plane.start();
    envoy = await startAdsEnvoy({
      nodeId: 'sidecar~ledger-0.bank',
      cluster: 'ledger',
      metadata: {
        vhds: true,
        labels: { app: 'ledger' },
        listen: { outbound: `127.0.0.1:${outbound}`, inbound: `127.0.0.1:${freePort()}` },
      },
      xdsPort: xds.address.kind === 'ip' ? xds.address.port : 0,
      apiType: 'DELTA_GRPC',
    });
    await until('it serves', async () => (await status('ledger')) === 200);
  });

  afterAll(async () => {
    await envoy?.stop();
    plane?.stop();
    await xds?.close(500);
    await backend.stop(true);
  });

  test('every name reaches its Service, and no other does', async () => {
    for (const host of ['ledger', 'ledger:80', 'ledger.bank', 'ledger.bank.svc.cluster.local'])
      expect([host, await status(host)]).toEqual([host, 200]);
    expect(await status('nobody')).toBe(404);
  });

  test('Services come and go without a table', async () => {
    const before = await tablesTaken();
    await write('cards.yaml', local('cards'));
    await until('the new one is reached', async () => (await status('cards')) === 200);
    await store.remove('dir/cards.yaml');
    await until('it is gone', async () => (await status('cards')) === 404);
    expect(await status('ledger')).toBe(200);
    expect([before, await tablesTaken()]).toEqual([1, 1]);
  });

  test('nothing was refused', async () => {
    const rejected = await envoy.stats('update_rejected');
    expect(Object.entries(rejected).filter(([, value]) => value > 0)).toEqual([]);
    expect(await envoy.log()).not.toMatch(/reject/i);
  });
});
