// Real Envoys that are not told of the whole mesh: one that says whom it calls, and one that is told whom it may call.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { silentLog } from '../base/index.ts';
import { createBunNetwork, createMemoryStore, createSystemClock } from '../net/index.ts';
import { type Envoy, startAdsEnvoy } from '../testing/envoy.ts';
import { describeWith, freePorts } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { type GrpcAdsListener, serveGrpcAds } from '../xds/index.ts';
import { type ControlPlane, createControlPlane } from './control-plane.ts';
import { localService, route } from './testing/manifests.ts';

setDefaultTimeout(60_000);

const others = Array.from({ length: 200 }, (_, at) => `other-${at}`);

const fence = (name: string, account: string) => `---
apiVersion: weft.dev/v1alpha1
kind: AccessPolicy
metadata: { name: ${name}, namespace: bank }
spec: { targetRefs: [{ group: "", kind: Service, name: ${name} }], rules: [{ from: [{ serviceAccount: { name: ${account} } }] }] }
`;

const kinds = ['declared', 'allowed'] as const;
type Kind = (typeof kinds)[number];
const metadataOf = {
  declared: { calls: ['ledger'] },
  allowed: { calls: 'allowed', account: 'payer' },
} as const;

describeWith(['envoy'], 'Envoy that is told of what it calls', () => {
  const backend = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('here') });
  const store = createMemoryStore();
  const write = (path: string, text: string) => store.write(`dir/${path}`, new TextEncoder().encode(text));
  const local = (name: string) => localService(name, backend.port ?? 0);
  const outbounds = new Map<Kind, number>();
  const envoys = new Map<Kind, Envoy>();
  let plane: ControlPlane;
  let xds: GrpcAdsListener;

  const status = async (kind: Kind, host: string) =>
    (await fetch(`http://127.0.0.1:${outbounds.get(kind)}/`, { headers: { host } })).status;
  const clusters = async (kind: Kind) =>
    (await envoys.get(kind)!.stats('active_clusters'))['cluster_manager.active_clusters'];

  beforeAll(async () => {
    await write('ledger.yaml', local('ledger') + local('cards') + local('rates'));
    await write('others.yaml', others.map(local).join(''));
    await write('fences.yaml', [...others, 'cards'].map((name) => fence(name, 'nobody')).join(''));
    const clock = createSystemClock();
    plane = createControlPlane({ clock, log: silentLog, store, directory: 'dir' });
    const address = { kind: 'ip', host: '127.0.0.1', port: 0 } as const;
    xds = serveGrpcAds({ network: createBunNetwork(), clock, server: plane.adsServer, address });
    plane.start();
    const xdsPort = xds.address.kind === 'ip' ? xds.address.port : 0;
    const apiTypes = { declared: 'DELTA_GRPC', allowed: 'GRPC' } as const;
    await Promise.all(
      kinds.map(async (kind) => {
        const [outbound = 0, inbound = 0] = freePorts(2);
        outbounds.set(kind, outbound);
        const listen = { outbound: `127.0.0.1:${outbound}`, inbound: `127.0.0.1:${inbound}` };
        const envoy = await startAdsEnvoy({
          nodeId: `sidecar~${kind}-0.bank`,
          cluster: kind,
          metadata: { ...metadataOf[kind], listen },
          xdsPort,
          apiType: apiTypes[kind],
        });
        envoys.set(kind, envoy);
        await until('it serves', async () => (await status(kind, 'ledger')) === 200);
      }),
    );
  });

  afterAll(async () => {
    await Promise.all([...envoys.values()].map((envoy) => envoy.stop()));
    plane?.stop();
    await xds?.close(200);
    await backend.stop(true);
  });

  test('it has the clusters of these, whatever the mesh is', async () => {
    // Its own of discovery besides.
    expect(await Promise.all(kinds.map(clusters))).toEqual([1 + 1, 2 + 1]);
    for (const [host, declared, allowed] of [
      ['ledger.bank:80', 200, 200],
      ['rates', 404, 200],
      ['cards', 404, 404],
      ['other-7', 404, 404],
    ] as const)
      expect([host, await status('declared', host), await status('allowed', host)]).toEqual([
        host,
        declared,
        allowed,
      ]);
  });

  test('where a route leads comes with it, and a Service with the policy that lets it in', async () => {
    await write('route.yaml', route('ledger', 'backendRefs: [{ name: cards, port: 80 }]'));
    await until('the backend is there', async () => (await clusters('declared')) === 3);
    expect(await status('declared', 'ledger')).toBe(200);
    await write(
      'fences.yaml',
      [...others.map((name) => fence(name, 'nobody')), fence('cards', 'payer')].join(''),
    );
    await until('it may call cards', async () => (await status('allowed', 'cards')) === 200);
    expect(await status('declared', 'cards')).toBe(404);
    await write('fences.yaml', [...others, 'cards'].map((name) => fence(name, 'nobody')).join(''));
    await until('it may not any more', async () => (await status('allowed', 'cards')) === 404);
  });

  test('nothing was refused', async () => {
    expect(plane.counters.nacks).toBe(0);
    for (const envoy of envoys.values())
      expect(Object.values(await envoy.stats('update_rejected')).filter((value) => value > 0)).toEqual([]);
  });
});
