import { describe, expect, test } from 'bun:test';
import { listWatchedKinds, statusKinds } from '../control/index.ts';
import { createInstallation, xdsAddress } from './install.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly { apiGroups: string[]; resources: string[]; verbs: string[] }[];
  readonly spec?: { template?: { spec: { containers: { args: string[]; securityContext: object }[] } } };
}

const certificate = { cert: 'c', key: 'k', ca: 'a' };
const install = (all: boolean) =>
  createInstallation({
    image: 'weft:1',
    namespace: 'mesh',
    replicas: 2,
    agents: all,
    webhook: all ? certificate : null,
    monitors: all,
  }) as unknown as readonly Manifest[];

describe('an installation', () => {
  const objects = install(false);

  test('is a control plane that survives a node, and nothing that was not asked for', () => {
    expect(objects.map(({ kind }) => kind)).toEqual([
      'CustomResourceDefinition',
      'CustomResourceDefinition',
      'Namespace',
      'ServiceAccount',
      'ClusterRole',
      'ClusterRoleBinding',
      'Role',
      'RoleBinding',
      'Service',
      'Deployment',
      'PodDisruptionBudget',
      'NetworkPolicy',
    ]);
    const all = install(true).map(({ kind }) => kind);
    for (const kind of ['DaemonSet', 'Secret', 'MutatingWebhookConfiguration']) expect(all).toContain(kind);
  });

  test('may read what the control plane watches, write status and Events, and nothing else', () => {
    const rules = objects.find(({ kind }) => kind === 'ClusterRole')?.rules ?? [];
    const allowedTo = (verb: string) =>
      rules
        .filter(({ verbs }) => verbs.includes(verb))
        .flatMap(({ apiGroups, resources }) =>
          apiGroups.flatMap((group) => resources.map((resource) => `${group}/${resource}`)),
        );
    const watched = listWatchedKinds();
    const names = watched.map(({ group, plural }) => `${group}/${plural}`).toSorted();
    // Fences of its own making are found again.
    const fences = 'networking.k8s.io/networkpolicies';
    for (const verb of ['get', 'watch']) expect(allowedTo(verb).toSorted()).toEqual(names);
    expect(allowedTo('list').toSorted()).toEqual([...names, fences].toSorted());
    const spoken = watched.filter(({ kind }) => statusKinds.has(kind));
    expect(allowedTo('update').toSorted()).toEqual(
      spoken.map(({ group, plural }) => `${group}/${plural}/status`).toSorted(),
    );
    // Gateways' proxies; it reads of these no more than the mesh does.
    expect(allowedTo('create')).toEqual([
      'events.k8s.io/events',
      'apps/deployments',
      '/services',
      '/serviceaccounts',
      fences,
      // Who asks for xDS; and what proxies trust, in every namespace.
      'authentication.k8s.io/tokenreviews',
      '/configmaps',
    ]);
    const verbs = new Set(rules.flatMap((rule) => rule.verbs));
    expect(verbs).toEqual(new Set(['get', 'list', 'watch', 'update', 'create', 'patch', 'delete']));
  });

  test('the Lease and the authority are those of its own namespace, by their names', () => {
    const role = objects.find(({ kind }) => kind === 'Role');
    expect(role?.metadata).toMatchObject({ name: 'weft-control', namespace: 'mesh' });
    expect(role?.rules?.filter(({ verbs }) => verbs.includes('update'))).toEqual([
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        resourceNames: ['weft-control'],
        verbs: ['get', 'update'],
      } as never,
      {
        apiGroups: [''],
        resources: ['secrets'],
        resourceNames: ['weft-ca'],
        verbs: ['get', 'update'],
      } as never,
    ]);
  });

  test('is where the injected proxies look for it', () => {
    const service = objects.find(({ kind }) => kind === 'Service');
    expect(xdsAddress('mesh')).toBe(`${service?.metadata.name}.${service?.metadata.namespace}.svc:15012`);
  });

  test('the webhook fails open, asks about pods of labelled namespaces alone, and trusts whom it is told', () => {
    const configuration = install(true).find(({ kind }) => kind === 'MutatingWebhookConfiguration');
    expect(configuration).toMatchObject({
      webhooks: [
        {
          failurePolicy: 'Ignore',
          sideEffects: 'None',
          clientConfig: {
            service: { name: 'weft-inject', namespace: 'mesh', path: '/inject' },
            caBundle: 'YQ==',
          },
          namespaceSelector: { matchLabels: { 'weft.dev/inject': 'enabled' } },
          rules: [{ resources: ['pods'], operations: ['CREATE'] }],
        },
      ],
    });
  });

  test('runs every container without rights, on a root that cannot be written', () => {
    for (const object of install(true)) {
      for (const { securityContext } of object.spec?.template?.spec.containers ?? []) {
        expect(securityContext).toMatchObject({
          runAsNonRoot: true,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      }
    }
  });

  test('spreads the replicas of each Deployment over nodes', () => {
    const deployments = install(true).filter(({ kind }) => kind === 'Deployment');
    expect(deployments.map(({ metadata }) => metadata.name)).toEqual(['weft-control', 'weft-inject']);
    for (const { metadata, spec } of deployments)
      expect(spec?.template?.spec).toMatchObject({
        topologySpreadConstraints: [
          {
            topologyKey: 'kubernetes.io/hostname',
            labelSelector: { matchLabels: { app: metadata.name } },
          },
        ],
      });
  });
});
