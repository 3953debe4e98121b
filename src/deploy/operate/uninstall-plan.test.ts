import { expect, test } from 'bun:test';
import { pathOfObject } from './object-paths.ts';
import { listForeign, listManaged, listRevisions, listServed, planUninstall } from './uninstall-plan.ts';

const options = {
  namespace: 'mesh',
  revision: '',
  others: [] as readonly string[],
  agents: true,
  cni: true,
  definitions: true,
  keepNamespace: false,
};
const fence = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { namespace: 'shop', name: 'weft-fence-a' },
};
const paths = (...more: Parameters<typeof planUninstall>) =>
  planUninstall(...more).map(({ objects }) => objects.map(pathOfObject));

test('what makes more goes first, then what it made, the rest, definitions, and the namespace last', () => {
  const [makers, made, rest, definitions, namespace] = paths(options, [fence]);
  expect(makers).toContain('/apis/apps/v1/namespaces/mesh/deployments/weft-control');
  expect(makers).toContain(
    '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/weft-inject-mesh',
  );
  expect(made).toEqual(['/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/weft-fence-a']);
  expect(rest).toContain('/apis/coordination.k8s.io/v1/namespaces/mesh/leases/weft-control');
  expect(rest).toContain('/apis/rbac.authorization.k8s.io/v1/clusterroles/weft-control');
  expect(definitions?.every((path) => path.endsWith('.weft.dev'))).toBe(true);
  expect(namespace).toEqual(['/api/v1/namespaces/mesh']);
});

test('definitions go by choice, and a namespace that others use stays', () => {
  const [, , , definitions, namespace] = paths({ ...options, definitions: false, keepNamespace: true }, []);
  expect([definitions, namespace]).toEqual([[], []]);
});

test('what the control plane made is asked for by its label, and is deleted where the control plane wrote it', async () => {
  const asked: string[] = [];
  const by = (manager: string) => ({ manager, operation: 'Apply' });
  const written = {
    metadata: { ...fence.metadata, managedFields: [by('kubectl'), by('weft-control')] },
  };
  const managed = await listManaged((path) => {
    asked.push(path);
    const { apiVersion: _version, kind: _kind, ...item } = fence;
    return Promise.resolve(
      path.startsWith('/apis/networking.k8s.io/v1/networkpolicies') ? [item, written] : [],
    );
  });
  expect(managed).toEqual({ ours: [{ ...fence, ...written }], foreign: [fence] });
  expect(asked).toContain(
    '/apis/coordination.k8s.io/v1/leases?labelSelector=app.kubernetes.io%2Fpart-of%3Dweft',
  );
  for (const path of asked.filter((one) => !one.includes('leases')))
    expect(path).toEndWith('?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dweft-control');
});

test('pods with a sidecar are told, and pods of others in the mesh’s namespace', () => {
  const pod = (namespace: string, name: string, container: string, phase = 'Running') => ({
    metadata: { namespace, name },
    spec: { containers: [{ name: container }] },
    status: { phase },
  });
  const pods = [
    pod('shop', 'a', 'weft-proxy'),
    pod('mesh', 'c', 'weft-control'),
    pod('mesh', 'd', 'weft-cni'),
    pod('mesh', 'prometheus', 'prometheus'),
    pod('mesh', 'job', 'job', 'Succeeded'),
    pod('shop', 'b', 'app'),
  ];
  expect(listServed(pods, options).map(({ name }) => name)).toEqual(['a']);
  expect(listForeign(pods, 'mesh')).toEqual(['mesh/prometheus']);
});

test('of several what they share stays, and the last takes it along', () => {
  const one = { ...options, revision: 'next', others: [''], agents: false, cni: false, definitions: false };
  const [makers, made, rest, definitions, namespace] = paths(one, [fence]);
  expect(makers).toEqual([
    '/apis/apps/v1/namespaces/mesh/deployments/weft-control-next',
    '/apis/apps/v1/namespaces/mesh/deployments/weft-inject-next',
    '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/weft-inject-next-mesh',
  ]);
  expect([made, definitions, namespace]).toEqual([[], [], []]);
  expect(rest).toContain('/apis/coordination.k8s.io/v1/namespaces/mesh/leases/weft-revision-next');
  for (const path of rest ?? []) expect(path).toMatch(/weft-(control|inject|revision)-next$/);
  const agents = '/apis/apps/v1/namespaces/mesh/daemonsets/weft-agent';
  expect(paths({ ...one, agents: true }, [])[0]).toContain(agents);
  const last = paths({ ...one, others: [] }, [fence]);
  expect(last[0]).toContain(agents);
  expect(last[1]?.length).toBe(1);
  expect(last[2]).toContain('/apis/coordination.k8s.io/v1/namespaces/mesh/leases/weft-control');
  expect(last[4]).toEqual(['/api/v1/namespaces/mesh']);
});

test('revisions are told by their control planes, and whom each serves by what made it', () => {
  const deployment = (container: string, labels: object) => ({
    metadata: { labels },
    spec: { template: { spec: { containers: [{ name: container }] } } },
  });
  const next = { 'weft.dev/rev': 'next' };
  const deployments = [
    deployment('weft-control', next),
    deployment('weft-inject', { 'weft.dev/rev': 'other' }),
    deployment('weft-control', {}),
  ];
  expect(listRevisions(deployments)).toEqual(['', 'next']);
  const pod = (name: string, container: string, annotations: object, more: object = {}) => ({
    metadata: { namespace: 'shop', name, annotations, ...more },
    spec: { containers: [{ name: container }] },
    status: { phase: 'Running' },
  });
  const pods = [
    pod('a', 'weft-proxy', {}),
    pod('b', 'weft-proxy', next),
    pod('edge', 'weft-gateway', next),
    pod('leaving', 'weft-proxy', next, { deletionTimestamp: 'now' }),
  ];
  const served = (revision: string, others: readonly string[]) =>
    listServed(pods, { revision, others }).map(({ name }) => name);
  expect(served('next', [''])).toEqual(['b', 'edge']);
  expect(served('', ['next'])).toEqual(['a']);
  expect(served('next', [])).toEqual(['a', 'b']);
});
