import { beforeEach, describe, expect, test } from 'bun:test';
import { MeshError, silentLog, VirtualClock, Xoshiro128 } from '../../base/index.ts';
import type { ObjectKey, RawObject, SourceFault, SourceListener } from '../source/types.ts';
import { MemoryKubeApi } from '../testing/memory-kube-api.ts';
import { settle } from '../testing/world.ts';
import { KubernetesSource } from './kubernetes-source.ts';
import { kubeLimits } from './limits.ts';
import type { WatchedKind } from './watched-kinds.ts';

const services = '/api/v1/services';
const routes = '/apis/gateway.networking.k8s.io/v1/httproutes';
const oldRoutes = '/apis/gateway.networking.k8s.io/v1beta1/httproutes';

const kinds: readonly WatchedKind[] = [
  {
    group: '',
    kind: 'Service',
    versions: ['v1'],
    plural: 'services',
    namespaced: true,
    selector: '',
    fields: '',
  },
  {
    group: 'gateway.networking.k8s.io',
    kind: 'HTTPRoute',
    versions: ['v1', 'v1beta1'],
    plural: 'httproutes',
    namespaced: true,
    selector: '',
    fields: '',
  },
];

class Listener implements SourceListener {
  readonly heard: string[] = [];
  readonly objects = new Map<ObjectKey, RawObject>();
  faults: readonly SourceFault[] = [];
  onUpsert(object: RawObject): void {
    this.heard.push(`+${object.namespace}/${object.kind}/${object.name}`);
    this.objects.set(object.key, object);
  }
  onRemove(key: ObjectKey): void {
    const object = this.objects.get(key);
    this.heard.push(`-${object?.namespace}/${object?.kind}/${object?.name}`);
    this.objects.delete(key);
  }
  onFaults(faults: readonly SourceFault[]): void {
    this.faults = faults;
  }
  onSynced(): void {
    this.heard.push('synced');
  }
  take(): readonly string[] {
    return this.heard.splice(0);
  }
}

let api: MemoryKubeApi;
let clock: VirtualClock;
let listener: Listener;
let source: KubernetesSource;

function create(namespaces: readonly string[] = []): KubernetesSource {
  return new KubernetesSource({ api, clock, random: new Xoshiro128(1), log: silentLog, kinds, namespaces });
}

async function run(ms: number): Promise<void> {
  clock.advanceBy(ms);
  await settle();
}

async function start(): Promise<void> {
  source = create();
  source.start(listener);
  await settle();
}

beforeEach(() => {
  api = new MemoryKubeApi();
  clock = new VirtualClock();
  listener = new Listener();
  api.serve(services);
});

describe('KubernetesSource', () => {
  for (const streams of [true, false]) {
    describe(streams ? 'lists streamed' : 'lists by page', () => {
      beforeEach(() => {
        api.streamsLists = streams;
      });

      test('reports what is there, then that it is synced; an absent CRD holds up nothing', async () => {
        for (let i = 0; i < 3; i++) api.put(services, 'bank', `s${i}`);
        await start();
        expect(listener.take()).toEqual([
          '+bank/Service/s0',
          '+bank/Service/s1',
          '+bank/Service/s2',
          'synced',
        ]);
        expect(source.reflectors.map(({ state }) => state)).toEqual(['synced', 'absent']);
      });

      test('takes more than a page', async () => {
        const count = kubeLimits.pageSize * 2 + 1;
        for (let i = 0; i < count; i++) api.put(services, 'bank', `s${i}`);
        await start();
        expect(listener.objects.size).toBe(count);
      });

      test('changes come one by one; what the mesh does not read changes nothing', async () => {
        api.put(services, 'bank', 'a', { spec: { ports: [] } });
        await start();
        listener.take();
        api.put(services, 'bank', 'a', { spec: { ports: [] }, status: { loadBalancer: {} } });
        expect(listener.take()).toEqual([]);
        api.put(services, 'bank', 'a', { spec: { ports: [1] } });
        api.delete(services, 'bank', 'a');
        expect(listener.take()).toEqual(['+bank/Service/a', '-bank/Service/a']);
      });

      test('a watch that ends in order is resumed where it ended', async () => {
        await start();
        await run(kubeLimits.watchSeconds * 1000);
        api.up = false;
        api.put(services, 'bank', 'meanwhile');
        api.up = true;
        api.asked.length = 0;
        api.cutWatches();
        await settle();
        expect(api.asked.filter((line) => line.includes(services))).toHaveLength(1);
        expect(api.asked.join()).not.toContain('sendInitialEvents');
        expect(listener.take()).toEqual(['synced', '+bank/Service/meanwhile']);
      });

      test('forgotten history: everything is listed again, what is gone is removed, what stayed is not told', async () => {
        api.put(services, 'bank', 'gone');
        api.put(services, 'bank', 'stays');
        await start();
        listener.take();
        await run(kubeLimits.watchSeconds * 1000);
        api.up = false;
        api.delete(services, 'bank', 'gone');
        api.put(services, 'bank', 'new');
        api.forget();
        api.up = true;
        api.cutWatches();
        await settle();
        await run(kubeLimits.backoffMaxMs);
        expect([...listener.take()].sort()).toEqual(['+bank/Service/new', '-bank/Service/gone']);
      });

      test('everything is listed again from time to time, so that a lost event heals', async () => {
        api.put(services, 'bank', 'lost');
        await start();
        listener.take();
        api.up = false;
        api.delete(services, 'bank', 'lost');
        api.up = true;
        await run(kubeLimits.relistMs * 1.2);
        await settle();
        expect(listener.take()).toEqual(['-bank/Service/lost']);
      });

      test('a CRD that comes later is picked up, one that goes takes its objects along', async () => {
        await start();
        listener.take();
        api.serve(routes);
        api.put(routes, 'bank', 'r');
        await run(kubeLimits.absentRetryMs);
        expect(listener.take()).toEqual(['+bank/HTTPRoute/r']);
        await run(kubeLimits.watchSeconds * 1000);
        api.unserve(routes);
        await settle();
        expect(listener.take()).toEqual(['-bank/HTTPRoute/r']);
      });

      test('an older version is taken where the API server has no newer one', async () => {
        api.serve(oldRoutes);
        api.put(oldRoutes, 'bank', 'r');
        await start();
        expect([...listener.objects.values()].map(({ apiVersion }) => apiVersion)).toEqual([
          'gateway.networking.k8s.io/v1beta1',
        ]);
      });
    });
  }

  test('a kind that may not be read keeps it from being synced, and is named; the rest is known', async () => {
    api.refusals.set(routes, 403);
    api.refusals.set(oldRoutes, 403);
    api.put(services, 'bank', 'a');
    await start();
    expect(listener.take()).toEqual(['+bank/Service/a']);
    expect(listener.faults.map(({ issue }) => `${issue.object} ${issue.rule}`)).toEqual([
      'gateway.networking.k8s.io/HTTPRoute cannot be read from the API server: 403: no',
    ]);
    api.refusals.clear();
    await run(kubeLimits.backoffMaxMs);
    expect(listener.take()).toEqual(['synced']);
    expect(listener.faults).toEqual([]);
  });

  test('an API server that is away takes nothing away; requests thin out', async () => {
    api.put(services, 'bank', 'a');
    await start();
    listener.take();
    api.up = false;
    api.asked.length = 0;
    api.cutWatches(new MeshError('peer-reset', 'upstream', 'yes', 'reset'));
    for (let i = 0; i < 600; i++) await run(1000);
    expect(listener.take()).toEqual([]);
    const attempts = api.asked.filter((line) => line.includes(services)).length;
    expect(attempts).toBeGreaterThan(10);
    expect(attempts).toBeLessThan(60);
    expect(listener.faults).not.toEqual([]);
    api.up = true;
    api.put(services, 'bank', 'b');
    await run(kubeLimits.backoffMaxMs);
    expect(listener.take()).toEqual(['+bank/Service/b']);
  });

  test('a server that ends every watch at once is not asked in a loop', async () => {
    await start();
    api.asked.length = 0;
    for (let i = 0; i < 60; i++) {
      api.cutWatches();
      await run(1000);
    }
    expect(api.asked.filter((line) => line.includes(services)).length).toBeLessThan(30);
  });

  test('reads chosen namespaces only', async () => {
    api.serve('/api/v1/namespaces/bank/services');
    api.put('/api/v1/namespaces/bank/services', 'bank', 'a');
    api.put(services, 'shop', 'b');
    source = create(['bank']);
    source.start(listener);
    await settle();
    expect(listener.take()).toEqual(['+bank/Service/a', 'synced']);
  });

  test('drops what changes on its own, and keeps it for who writes status', async () => {
    api.put(services, 'bank', 'a', { spec: {}, status: { x: 1 } });
    await start();
    const [object] = listener.objects.values();
    expect(Object.keys(object?.value ?? {}).sort()).toEqual(['apiVersion', 'kind', 'metadata', 'spec']);
    expect(source.versionOf(object?.key ?? '')).toMatchObject({ resourceVersion: '1', status: { x: 1 } });
  });

  test('stops for good', async () => {
    await start();
    source.stop();
    expect([api.watchCount, clock.armedCount]).toEqual([0, 0]);
    await run(kubeLimits.relistMs * 2);
    expect(api.watchCount).toBe(0);
  });
});
