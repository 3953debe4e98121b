import { describe, expect, test } from 'bun:test';
import { listWatchedKinds } from '../control/index.ts';
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
  }) as readonly Manifest[];

describe('an installation', () => {
  const objects = install(false);

  test('is a control plane that survives a node, and nothing that was not asked for', () => {
    expect(objects.map(({ kind }) => kind)).toEqual([
      'CustomResourceDefinition',
      'Namespace',
      'ServiceAccount',
      'ClusterRole',
      'ClusterRoleBinding',
      'Service',
      'Deployment',
      'PodDisruptionBudget',
    ]);
    const all = install(true).map(({ kind }) => kind);
    for (const kind of ['DaemonSet', 'Secret', 'MutatingWebhookConfiguration']) expect(all).toContain(kind);
  });

  test('may read what the control plane watches, and neither write nor read anything else', () => {
    const rules = objects.find(({ kind }) => kind === 'ClusterRole')?.rules ?? [];
    const allowed = rules.flatMap(({ apiGroups, resources }) =>
      apiGroups.flatMap((group) => resources.map((resource) => `${group}/${resource}`)),
    );
    const watched = listWatchedKinds().map(({ group, plural }) => `${group}/${plural}`);
    expect(allowed.toSorted()).toEqual(watched.toSorted());
    expect(new Set(rules.flatMap(({ verbs }) => verbs))).toEqual(new Set(['get', 'list', 'watch']));
  });

  test('is where the injected proxies look for it', () => {
    const service = objects.find(({ kind }) => kind === 'Service');
    expect(xdsAddress('mesh')).toBe(`${service?.metadata.name}.${service?.metadata.namespace}.svc:15010`);
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
});
