import { describe, expect, test } from 'bun:test';
import type { ProxyView } from '../../control/index.ts';
import { type ControlReplica, viewFleet } from './fleet-view.ts';
import { listMeshPods, readMeshPod } from './mesh-pods.ts';

const pod = (name: string, container: string, more: object = {}) => ({
  metadata: { namespace: 'shop', name },
  spec: {
    nodeName: 'node-1',
    initContainers: [{ name: 'weft-redirect', image: 'weft:1' }],
    containers: [{ name: container, image: 'weft:1' }],
  },
  status: { phase: 'Running', startTime: '1970-01-01T00:00:10Z', conditions: [] },
  ...more,
});

describe('what runs something of the mesh', () => {
  test.each([
    ['weft-proxy', 'sidecar', 'sidecar~a.shop'],
    ['weft-agent', 'agent', 'agent~node-1'],
    ['weft-gateway', 'gateway', 'gateway~a.shop'],
    ['weft-control', 'control', ''],
    ['weft-inject', 'webhook', ''],
    ['weft-cni', 'cni', ''],
  ])('is told by its container %s', (container, role, nodeId) => {
    expect(readMeshPod(pod('a', container))).toMatchObject({ role, nodeId, container, image: 'weft:1' });
  });

  test('a native sidecar is an init container that stays', () => {
    const { spec } = pod('a', 'app');
    const found = readMeshPod({
      ...pod('a', 'app'),
      spec: { ...spec, initContainers: [{ name: 'weft-proxy', image: 'weft:2' }] },
    });
    expect(found).toMatchObject({ role: 'sidecar', image: 'weft:2' });
  });

  test('not: other pods, names of any object’s own fields, pods that ended', () => {
    const ended = { status: { phase: 'Succeeded' } };
    const pods = [pod('a', 'app'), pod('b', 'constructor'), pod('c', 'weft-proxy', ended)];
    expect(listMeshPods(pods)).toEqual([]);
  });
});

const type = (status: string, ageMs = 5_000, more: object = {}) => ({
  typeUrl: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  status,
  ageMs,
  subscribed: '*',
  error: '',
  ...more,
});
const view = (node: string, more: object = {}) =>
  ({
    node,
    role: 'sidecar',
    namespace: 'shop',
    connected: true,
    connectedAtMs: 20_000,
    lastSeenAtMs: 30_000,
    userAgent: 'weft',
    weft: '1.2.3',
    types: [type('SYNCED')],
    nacks: [],
    load: null,
    notes: [],
    ...more,
  }) as unknown as ProxyView;
const replica = (name: string, proxies: readonly ProxyView[]): ControlReplica => ({
  pod: `weft-system/${name}`,
  view: { atMs: 60_000, synced: true, proxies },
  reason: '',
});
const silent: ControlReplica = { pod: 'weft-system/c9', view: null, reason: 'it answered 503' };
const pods = (...names: readonly string[]) => listMeshPods(names.map((name) => pod(name, 'weft-proxy')));

describe('the state of a proxy', () => {
  test.each<[string, object, object]>([
    ['it took all', {}, { state: 'synced', sinceMs: 20_000, details: [], version: '1.2.3' }],
    [
      'something sent has no answer',
      { types: [type('SYNCED'), type('STALE', 7_000)] },
      { state: 'stale', sinceMs: 53_000, details: ['Cluster STALE'] },
    ],
    [
      'it refused something',
      { nacks: [{ resource: 'bank/a:80', message: 'too large', atMs: 40_000, part: '' }] },
      { state: 'refused', sinceMs: 40_000, details: ['refused bank/a:80: too large'] },
    ],
    [
      'a type is in error',
      { types: [type('ERROR', 3_000, { error: 'no' })] },
      { state: 'refused', sinceMs: 57_000, details: ['refused Cluster: no'] },
    ],
    [
      'it asked for nothing yet',
      { types: [] },
      { state: 'stale', sinceMs: 20_000, details: ['it asked for nothing yet'] },
    ],
    [
      'it names nothing of a type',
      { types: [type('SYNCED'), type('NOT_SENT', -1, { subscribed: 0 })] },
      { state: 'synced' },
    ],
    ['it left', { connected: false }, { state: 'disconnected', sinceMs: 30_000, control: '' }],
    ['another program', { weft: '', userAgent: 'envoy' }, { state: 'synced', version: 'envoy' }],
  ])('%s', (_name, said, expected) => {
    const [one] = viewFleet(pods('a'), [replica('c1', [view('sidecar~a.shop', said)])]);
    expect(one).toMatchObject(expected);
  });

  test('unheard of: disconnected where every replica answered, unknown where one did not, or there is none', () => {
    const states = (replicas: readonly ControlReplica[]) => viewFleet(pods('a'), replicas)[0]?.state;
    expect(states([replica('c1', [])])).toBe('disconnected');
    expect(states([replica('c1', []), silent])).toBe('unknown');
    expect(states([])).toBe('unknown');
  });

  test('a pod that does not run yet is starting', () => {
    const waiting = pod('a', 'weft-proxy', { status: { phase: 'Pending' } });
    expect(viewFleet(listMeshPods([waiting]), [replica('c1', [])])[0]?.state).toBe('starting');
  });
});

test('one that moved counts where its stream is', () => {
  const gone = view('sidecar~a.shop', { connected: false, lastSeenAtMs: 99_000 });
  const here = view('sidecar~a.shop');
  for (const replicas of [
    [replica('c1', [gone]), replica('c2', [here])],
    [replica('c2', [here]), replica('c1', [gone])],
  ])
    expect(viewFleet(pods('a'), replicas)).toMatchObject([{ state: 'synced', control: 'weft-system/c2' }]);
});

test('a connected proxy without a pod is shown by its id; one that left is not', () => {
  const views = [view('sidecar~vm.shop'), view('sidecar~old.shop', { connected: false })];
  expect(viewFleet(pods('a'), [replica('c1', [view('sidecar~a.shop'), ...views])])).toMatchObject([
    { proxy: 'shop/a', pod: 'a' },
    { proxy: 'sidecar~vm.shop', pod: '' },
  ]);
});
