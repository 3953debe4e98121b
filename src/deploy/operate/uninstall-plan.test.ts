import { expect, test } from 'bun:test';
import { pathOfObject } from './object-paths.ts';
import { listForeign, listInjected, listManaged, planUninstall } from './uninstall-plan.ts';

const options = { namespace: 'mesh', definitions: true, keepNamespace: false };
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

test('what the control plane made is asked for by its label, and is deleted where it is', async () => {
  const asked: string[] = [];
  const managed = await listManaged((path) => {
    asked.push(path);
    const { apiVersion: _version, kind: _kind, ...item } = fence;
    return Promise.resolve(path.includes('networkpolicies') ? [item] : []);
  });
  expect(managed).toEqual([fence]);
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
    pod('mesh', 'prometheus', 'prometheus'),
    pod('mesh', 'job', 'job', 'Succeeded'),
    pod('shop', 'b', 'app'),
  ];
  expect(listInjected(pods).map(({ name }) => name)).toEqual(['a']);
  expect(listForeign(pods, 'mesh')).toEqual(['mesh/prometheus']);
});
