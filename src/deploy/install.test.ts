import { describe, expect, test } from 'bun:test';
import { listWatchedKinds, statusKinds } from '../control/index.ts';
import { createInstallation } from './install.ts';
import { isRevision, revisionCharsMax, xdsAddress } from './revision.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly { apiGroups: string[]; resources: string[]; verbs: string[] }[];
  readonly spec?: { template?: { spec: { containers: { args: string[]; securityContext: object }[] } } };
}

const certificate = { cert: 'c', key: 'k', ca: 'a' };
const install = (all: boolean, revision = '') =>
  createInstallation({
    image: 'weft:1',
    namespace: 'mesh',
    revision,
    replicas: 2,
    agents: all,
    cni: all ? { bin: '/bin', config: '/net.d' } : null,
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
    // Its own one, by its name.
    const webhook = 'admissionregistration.k8s.io/mutatingwebhookconfigurations';
    expect(allowedTo('watch').toSorted()).toEqual(names);
    expect(rules.find(({ apiGroups }) => apiGroups[0] === 'admissionregistration.k8s.io')).toMatchObject({
      resourceNames: ['weft-inject-mesh'],
      verbs: ['get', 'update'],
    });
    // Calico's own kinds are its API's; the last is a name that it alone knows.
    const calico = ['networkpolicies', 'tier.networkpolicies'].map((kind) => `projectcalico.org/${kind}`);
    // Whose an object is that has the name of one that is to be made: Gateways' (Services are watched besides), fences.
    const kept = ['apps/deployments', '/services', '/serviceaccounts', fences, ...calico];
    expect(allowedTo('get').toSorted()).toEqual(
      [...names, webhook, 'projectcalico.org/tiers', ...kept].toSorted(),
    );
    expect(allowedTo('list').toSorted()).toEqual([...names, fences, ...calico].toSorted());
    const spoken = watched.filter(({ kind }) => statusKinds.has(kind));
    expect(allowedTo('update').toSorted()).toEqual(
      [...spoken.map(({ group, plural }) => `${group}/${plural}/status`), webhook].toSorted(),
    );
    // Gateways' proxies.
    expect(allowedTo('create')).toEqual([
      'events.k8s.io/events',
      'apps/deployments',
      '/services',
      '/serviceaccounts',
      fences,
      ...calico,
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
        resourceNames: ['weft-control', 'weft-revision'],
        verbs: ['get', 'update'],
      } as never,
      {
        apiGroups: [''],
        resources: ['secrets'],
        resourceNames: ['weft-ca', 'weft-inject'],
        verbs: ['get', 'update'],
      } as never,
    ]);
  });

  test('is where the injected proxies look for it', () => {
    const service = objects.find(({ kind }) => kind === 'Service');
    expect(xdsAddress('mesh', '')).toBe(`${service?.metadata.name}.${service?.metadata.namespace}.svc:15012`);
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
          namespaceSelector: {
            matchLabels: { 'weft.dev/inject': 'enabled' },
            matchExpressions: [{ key: 'weft.dev/rev', operator: 'DoesNotExist' }],
          },
          rules: [{ resources: ['pods'], operations: ['CREATE'] }],
        },
      ],
    });
  });

  test('runs every container without rights, on a root that cannot be written; but for the CNI plugin’s', () => {
    for (const object of install(true).filter(({ metadata }) => metadata.name !== 'weft-cni')) {
      for (const { securityContext } of object.spec?.template?.spec.containers ?? []) {
        expect(securityContext).toMatchObject({
          runAsNonRoot: true,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      }
    }
  });

  test('the CNI plugin’s agent has rights over networks and may read pods, and its own DaemonSet', () => {
    const own = install(true).filter(({ metadata }) => metadata.name === 'weft-cni');
    expect(own.flatMap(({ kind, rules = [] }) => rules.map((rule) => [kind, rule]))).toEqual([
      ['ClusterRole', { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }],
      [
        'Role',
        { apiGroups: ['apps'], resources: ['daemonsets'], resourceNames: ['weft-cni'], verbs: ['get'] },
      ] as never,
    ]);
    const [container] = own.find(({ kind }) => kind === 'DaemonSet')?.spec?.template?.spec.containers ?? [];
    expect(container).toMatchObject({
      args: ['cni', '--bin-dir', '/bin', '--config-dir', '/net.d'],
      securityContext: {
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'], add: ['SYS_ADMIN', 'NET_ADMIN', 'NET_RAW', 'SYS_PTRACE'] },
      },
    });
    const hook = install(true).find(
      ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'weft-inject',
    );
    expect(hook?.spec?.template?.spec.containers[0]?.args).toContain('--cni');
  });

  test('the webhook may read Services and ServicePolicies, and nothing else', () => {
    const own = install(true).filter(({ metadata }) => metadata.name === 'weft-inject');
    expect(own.flatMap(({ kind, rules = [] }) => rules.map((rule) => [kind, rule]))).toEqual([
      ['ClusterRole', { apiGroups: [''], resources: ['services'], verbs: ['list', 'watch'] }],
      [
        'ClusterRole',
        { apiGroups: ['weft.dev'], resources: ['servicepolicies'], verbs: ['list', 'watch'] },
      ] as never,
    ]);
    const hook = own.find(({ kind }) => kind === 'Deployment');
    expect(hook?.spec?.template?.spec).toMatchObject({ serviceAccountName: 'weft-inject' });
    expect(own.find(({ kind }) => kind === 'ClusterRoleBinding')).toMatchObject({
      roleRef: { kind: 'ClusterRole', name: 'weft-inject' },
      subjects: [{ kind: 'ServiceAccount', name: 'weft-inject', namespace: 'mesh' }],
    });
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

describe('two revisions side by side', () => {
  const nameOf = ({ kind, metadata }: Manifest) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
  const [plain, next] = [install(true), install(true, 'next')];
  const shared = [
    'ClusterRole /weft-cni',
    'ClusterRoleBinding /weft-cni',
    'CustomResourceDefinition /accesspolicies.weft.dev',
    'CustomResourceDefinition /servicepolicies.weft.dev',
    'DaemonSet mesh/weft-agent',
    'DaemonSet mesh/weft-cni',
    'Namespace /mesh',
    'PodMonitor mesh/weft-proxies',
    'Role mesh/weft-cni',
    'RoleBinding mesh/weft-cni',
    'Service mesh/weft-agent',
    'ServiceAccount mesh/weft-agent',
    'ServiceAccount mesh/weft-cni',
  ];

  test('share what there is one of, and nothing else', () => {
    const names = new Set(plain.map(nameOf));
    const both = next.map(nameOf).filter((name) => names.has(name));
    expect(both.toSorted()).toEqual(shared);
  });

  test('no selector of one finds pods of the other', () => {
    const selectors = (objects: readonly Manifest[]) =>
      objects
        .filter((object) => !shared.includes(nameOf(object)))
        .map((object) => JSON.stringify(object).match(/"app":"weft-[^"]+"/g) ?? []);
    const found = new Set(selectors(plain).flat());
    expect(
      selectors(next)
        .flat()
        .filter((one) => found.has(one)),
    ).toEqual([]);
    expect(found).toEqual(new Set(['"app":"weft-control"', '"app":"weft-inject"']));
  });

  test('what is of one alone says so, and so do its pods', () => {
    const own = next.filter((object) => !shared.includes(nameOf(object)));
    for (const { metadata, spec } of own) {
      expect(metadata).toMatchObject({ labels: { 'weft.dev/rev': 'next' } });
      if (spec?.template !== undefined)
        expect(spec.template).toMatchObject({ metadata: { annotations: { 'weft.dev/rev': 'next' } } });
    }
    expect(JSON.stringify(plain.map(({ metadata }) => metadata))).not.toContain('weft.dev/rev');
  });

  test('a namespace is asked about by one webhook: that of the revision it names', () => {
    expect(next.find(({ kind }) => kind === 'MutatingWebhookConfiguration')).toMatchObject({
      metadata: { name: 'weft-inject-next-mesh' },
      webhooks: [
        {
          clientConfig: { service: { name: 'weft-inject-next' } },
          namespaceSelector: {
            matchLabels: { 'weft.dev/rev': 'next' },
            matchExpressions: [{ key: 'weft.dev/inject', operator: 'NotIn', values: ['disabled', 'false'] }],
          },
        },
      ],
    });
  });

  test('its proxies look for it, and its control plane knows its name', () => {
    const args = (name: string) =>
      next.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === name)?.spec?.template?.spec
        .containers[0]?.args;
    expect(args('weft-control-next')?.slice(-2)).toEqual(['--revision', 'next']);
    expect(args('weft-inject-next')).toContain('weft-control-next.mesh.svc:15012');
    expect(JSON.stringify(next.find(({ kind }) => kind === 'DaemonSet'))).toContain(
      xdsAddress('mesh', 'next'),
    );
  });

  test('the longest name is still a label of a host', () => {
    expect(isRevision('a'.repeat(revisionCharsMax))).toBe(true);
    const pod = `weft-control-${'a'.repeat(revisionCharsMax)}-0123456789-abcde`;
    expect(pod.length).toBeLessThanOrEqual(63);
    for (const name of ['', 'A', 'a.b', '-a', 'a-', 'a'.repeat(revisionCharsMax + 1)])
      expect(isRevision(name)).toBe(false);
  });
});
