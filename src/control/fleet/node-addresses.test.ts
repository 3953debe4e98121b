import { expect, test } from 'bun:test';
import { ok, silentLog, VirtualClock, Xoshiro128 } from '../../base/index.ts';
import type { KubeAnswer, KubeApi, KubeObject, KubeRequest } from '../kubernetes/types.ts';
import { MemoryKubeApi } from '../testing/memory-kube-api.ts';
import { settle } from '../testing/world.ts';
import { NodeAddresses, nodeAddressClass } from './node-addresses.ts';

const podsPath = '/api/v1/namespaces/mesh/pods';

/** Pods from memory, and one Service, of which each patch is kept. */
function createWorld(spec: KubeObject | null = { loadBalancerClass: nodeAddressClass }) {
  const memory = new MemoryKubeApi();
  memory.serve(podsPath);
  const patches: KubeRequest[] = [];
  let service: KubeObject = { spec: spec ?? {} };
  const answer = (status: number, body: KubeObject = {}) => ok<KubeAnswer>({ status, body, retryAfterMs: 0 });
  const refuse = { status: 0 };
  const api: KubeApi = {
    watch: (path, receiver) => memory.watch(path, receiver),
    request: async (request) => {
      if (!request.path.includes('/services/')) return await memory.request(request);
      if (request.method === 'GET') return answer(spec === null ? 404 : 200, service);
      patches.push(request);
      if (refuse.status !== 0) return answer(refuse.status, { message: 'no' });
      service = {
        ...service,
        ...request.body,
        spec: { ...(service['spec'] as KubeObject), ...(request.body?.['spec'] as KubeObject) },
      };
      return answer(200);
    },
  };
  const clock = new VirtualClock();
  const warned: string[] = [];
  const log = {
    ...silentLog,
    write: (_level: string, _text: string, more?: object) => void warned.push(JSON.stringify(more)),
  };
  const keeper = new NodeAddresses({
    ...{ api, clock, random: new Xoshiro128(1), namespace: 'mesh', name: 'weft-agent' },
    log: log as typeof silentLog,
  });
  const pass = async (ms: number) => {
    await settle();
    clock.advanceBy(ms);
    await settle();
  };
  const pod = (name: string, ...ips: readonly string[]) =>
    memory.put(podsPath, 'mesh', name, { status: { hostIP: ips[0], hostIPs: ips.map((ip) => ({ ip })) } });
  const written = () =>
    patches
      .filter(({ path }) => path.endsWith('/status'))
      .map(({ body }) =>
        (
          body as never as { status: { loadBalancer: { ingress: { ip: string }[] } } }
        ).status.loadBalancer.ingress.map(({ ip }) => ip),
      );
  return { memory, keeper, pass, pod, written, patches, refuse, warned };
}

test('the Service has the address of each node with an agent, once, and of those that come and go', async () => {
  const { memory, keeper, pass, pod, written } = createWorld();
  pod('a', '10.0.0.1', 'fd00::1');
  pod('b', '10.0.0.2');
  keeper.lead(true);
  await pass(1000);
  expect(written()).toEqual([['10.0.0.1', '10.0.0.2', 'fd00::1']]);
  // Its successor beside it.
  pod('b-next', '10.0.0.2');
  await pass(1000);
  memory.delete(podsPath, 'mesh', 'b');
  await pass(1000);
  expect(written().length).toBe(1);
  memory.delete(podsPath, 'mesh', 'a');
  pod('c', '10.0.0.3');
  await pass(1000);
  expect(written()[1]).toEqual(['10.0.0.2', '10.0.0.3']);
});

test('a pod that has no node yet gives no address', async () => {
  const { keeper, pass, pod, written, memory } = createWorld();
  memory.put(podsPath, 'mesh', 'waiting', {});
  pod('a', '10.0.0.1');
  keeper.lead(true);
  await pass(1000);
  expect(written()).toEqual([['10.0.0.1']]);
});

test('an agent of the same node is asked for, once, and where that is not understood it goes without', async () => {
  const { keeper, pass, pod, patches, refuse } = createWorld();
  pod('a', '10.0.0.1');
  keeper.lead(true);
  await pass(1000);
  expect(patches[0]?.body).toEqual({ spec: { trafficDistribution: 'PreferSameNode' } });
  pod('b', '10.0.0.2');
  await pass(1000);
  expect(patches.filter(({ path }) => !path.endsWith('/status')).length).toBe(1);
  const old = createWorld();
  old.refuse.status = 422;
  old.pod('a', '10.0.0.1');
  old.keeper.lead(true);
  await old.pass(1000);
  expect(old.written()).toEqual([['10.0.0.1']]);
  expect(refuse.status).toBe(0);
});

test('a Service of somebody else’s class, or none, is left alone', async () => {
  for (const spec of [null, {}, { loadBalancerClass: 'cloud.example/lb' }]) {
    const { keeper, pass, pod, patches } = createWorld(spec);
    pod('a', '10.0.0.1');
    keeper.lead(true);
    await pass(1000);
    expect(patches).toEqual([]);
  }
});

test('what is refused is tried again and told once; a follower does nothing', async () => {
  const { keeper, pass, pod, written, refuse, warned } = createWorld({
    loadBalancerClass: nodeAddressClass,
    trafficDistribution: 'PreferSameNode',
  });
  refuse.status = 403;
  pod('a', '10.0.0.1');
  await pass(1000);
  expect(written()).toEqual([]);
  keeper.lead(true);
  await pass(1000);
  await pass(2000);
  expect(written().length).toBeGreaterThan(1);
  expect(warned).toEqual(['{"reason":"403 no"}']);
  keeper.lead(false);
  const before = written().length;
  pod('b', '10.0.0.2');
  await pass(5000);
  expect(written().length).toBe(before);
});
