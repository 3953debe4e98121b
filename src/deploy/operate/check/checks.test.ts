import { describe, expect, test } from 'bun:test';
import { fail, MeshError, ok } from '../../../base/index.ts';
import { customResourceDefinitions, type KubeApi, type KubeObject } from '../../../control/index.ts';
import { createAuthority, createSelfSigned } from '../../../testing/certificates.ts';
import type { ControlReplica } from '../fleet-view.ts';
import { installedChecks, preChecks, runChecks } from './run-checks.ts';
import { ClusterReader } from './types.ts';

/** Path to the items of a list, one object, or a status that is answered. What is not there is 404. */
type Contents = Readonly<Record<string, readonly object[] | object | number>>;

function createApi(contents: Contents, allowed: (right: string) => boolean = () => true): KubeApi {
  return {
    request: async ({ method, path, body }) => {
      await Promise.resolve();
      const [place = ''] = path.split(/[?&]limit=/);
      if (place.endsWith('selfsubjectaccessreviews')) {
        const { verb, resource, group } = (
          body as never as { spec: { resourceAttributes: Record<string, string> } }
        ).spec.resourceAttributes;
        const status = { allowed: allowed(`${verb} ${resource}.${group}`) };
        return ok({ status: 201, body: { status }, retryAfterMs: 0 });
      }
      const found = contents[method === 'GET' ? place : `${method} ${place}`];
      if (found === 0) return fail(new MeshError('connect-failed', 'upstream', 'yes', 'no answer'));
      if (typeof found === 'number') return ok({ status: found, body: { message: 'no' }, retryAfterMs: 0 });
      if (found === undefined) return ok({ status: 404, body: {}, retryAfterMs: 0 });
      const items: KubeObject = Array.isArray(found) ? { items: found } : (found as KubeObject);
      return ok({ status: method === 'GET' ? 200 : 201, body: items, retryAfterMs: 0 });
    },
    watch: () => () => {},
  };
}

const nowMs = Date.parse('2030-01-01T00:00:00Z');
const dayMs = 86_400_000;
const target = { namespace: 'mesh', revision: '', agents: false, cni: false, version: '1.2.3', nowMs };

interface Asked {
  readonly replicas?: readonly ControlReplica[];
  readonly allowed?: (right: string) => boolean;
  readonly cni?: boolean;
  readonly revision?: string;
}

/** Lines of one check, as `verdict message`. */
async function ask(
  name: string,
  contents: Contents,
  { replicas = [], allowed, cni = false, revision = '' }: Asked = {},
) {
  const reader = new ClusterReader(createApi(contents, allowed), () => Promise.resolve(replicas));
  const checks = [...preChecks, ...installedChecks].filter((check) => check.name === name).slice(0, 1);
  const lines = await runChecks(checks, reader, { ...target, cni, revision });
  return lines.map(({ verdict, message }) => `${verdict} ${message}`);
}

const named = (name: string, more: object = {}, labels: object = {}) => ({
  metadata: { name, labels },
  ...more,
});
const pod = (name: string, container: string, more: object = {}, spec: object = {}) => ({
  metadata: { namespace: 'shop', name, ...more },
  spec: { containers: [{ name: container, image: 'weft:1' }], ...spec },
  status: { phase: 'Running' },
});
const asking = named('shop', {}, { 'weft.dev/inject': 'enabled' });

test('what cannot be read is unknown in every check, and none passes', async () => {
  const nothing = new Proxy({}, { get: () => 403 });
  const reader = new ClusterReader(
    createApi(nothing, () => false),
    () => Promise.resolve([]),
  );
  const lines = await runChecks([...preChecks, ...installedChecks], reader, target);
  const passed = lines.filter(({ verdict }) => verdict === 'ok' || verdict === 'warning');
  expect(passed).toEqual([]);
  expect(new Set(lines.map(({ check }) => check))).toEqual(
    new Set([...preChecks, ...installedChecks].map(({ name }) => name)),
  );
});

test('an API server that does not answer is a fault, and hides no other check', async () => {
  const reader = new ClusterReader(createApi(new Proxy({}, { get: () => 0 })), () => Promise.resolve([]));
  const lines = await runChecks(preChecks, reader, target);
  expect(lines[0]).toEqual({ check: 'api-server', verdict: 'fault', message: 'no answer' });
  expect(lines.length).toBeGreaterThanOrEqual(preChecks.length);
});

describe('before an installation', () => {
  test.each([
    ['v1.37.2', 'ok Kubernetes v1.37.2'],
    ['v1.29.0+k3s1', 'ok Kubernetes v1.29.0+k3s1'],
    ['v1.28.9', 'warning Kubernetes v1.28.9: proxies are ordinary containers, native sidecars need 1.29'],
    ['next', 'unknown its version is not understood (next)'],
  ])('an API server of %s', async (gitVersion, line) => {
    expect(await ask('api-server', { '/version': { gitVersion } })).toEqual([line]);
  });

  test('nodes: old kubelets are named, Windows is left alone', async () => {
    const node = (name: string, kubeletVersion: string, operatingSystem = 'linux') =>
      named(name, { status: { nodeInfo: { kubeletVersion, operatingSystem, architecture: 'arm64' } } });
    const of = (...nodes: readonly object[]) =>
      ask('nodes', { '/api/v1/nodes': nodes, '/version': { gitVersion: 'v1.30.1' } });
    expect(await of(node('a', 'v1.30.1'))).toEqual(['ok 1 of Linux (arm64), kubelets as proxies need them']);
    expect(await of(node('a', 'v1.28.1'), node('w', 'v1.20.0', 'windows'))).toEqual([
      'fault sidecars need a kubelet of 1.29: a',
      'ok 1 of Windows, whose pods are left alone',
    ]);
    const old = { '/api/v1/nodes': [node('a', 'v1.28.1')], '/version': { gitVersion: 'v1.28.9' } };
    expect(await ask('nodes', old)).toEqual(['ok 1 of Linux (arm64), kubelets as proxies need them']);
  });

  test('rights: what is lacking is named; who may escalate need not hold what roles give', async () => {
    expect(await ask('rights', {})).toEqual(['ok everything is allowed']);
    const without = (...lacking: readonly RegExp[]) =>
      ask('rights', {}, { allowed: (right) => !lacking.some((one) => one.test(right)) });
    const star = /^\* /;
    expect(await without(star)).toEqual(['ok all that an installation needs is allowed']);
    expect(await without(star, /create clusterroles/)).toEqual([
      'fault not allowed: create clusterroles.rbac.authorization.k8s.io',
    ]);
    expect(await without(star, /watch secrets/)).toEqual(['ok all that an installation needs is allowed']);
    expect(await without(star, /watch secrets/, /escalate/)).toEqual(['fault not allowed: watch secrets']);
  });

  test('Gateway API: what is not served as it is read is said', async () => {
    const definition = (plural: string, versions: readonly string[], bundle = 'v1.4.0') => ({
      metadata: {
        name: `${plural}.gateway.networking.k8s.io`,
        annotations: { 'gateway.networking.k8s.io/bundle-version': bundle },
      },
      spec: { versions: versions.map((name) => ({ name, served: true })) },
    });
    const of = (...found: readonly object[]) =>
      ask('gateway-api', { '/apis/apiextensions.k8s.io/v1/customresourcedefinitions': found });
    expect((await of())[0]).toStartWith('warning not installed');
    expect((await of(definition('gateways', ['v1'])))[0]).toBe('ok 1 kinds of v1.4.0');
    expect(
      await of(definition('gateways', ['v1']), definition('httproutes', ['v1alpha1'], 'v0.5.0')),
    ).toEqual([
      'warning its kinds are of several bundles: v0.5.0, v1.4.0',
      expect.stringContaining('not installed, and not read'),
      expect.stringContaining('HTTPRoute is served as v1alpha1, and read as v1'),
    ]);
  });

  test('Pod Security: the CNI plugin and sidecars need privileged', async () => {
    const level = (enforce: string) => ({ 'pod-security.kubernetes.io/enforce': enforce });
    const of = (cni: boolean, ...namespaces: readonly object[]) =>
      ask('pod-security', { '/api/v1/namespaces': namespaces }, { cni });
    expect(await of(true, named('mesh', {}, level('restricted')))).toEqual([
      "fault the namespace mesh enforces restricted, and the CNI plugin's agent needs privileged",
    ]);
    const part = { 'app.kubernetes.io/part-of': 'weft' };
    expect(await of(true, named('mesh', {}, { ...part, ...level('restricted') }))).toEqual([
      'ok the namespace mesh enforces restricted, and the installation makes it privileged',
    ]);
    expect(await of(false, named('mesh', {}, level('restricted')))).toEqual([
      'ok the namespace mesh enforces restricted',
    ]);
    const strict = named('shop', {}, { 'weft.dev/inject': 'enabled', ...level('baseline') });
    expect((await of(false, strict))[1]).toContain('fault pods with sidecars are refused');
    const withPlugin = await ask('pod-security', {
      '/api/v1/namespaces': [strict],
      '/apis/apps/v1/namespaces/mesh/daemonsets/weft-cni': named('weft-cni'),
    });
    expect(withPlugin[1]).toBe('ok 1 namespaces ask for sidecars, which need no rights with the CNI plugin');
    expect((await of(false, asking))[1]).toBe('ok 1 namespaces that ask for sidecars allow them');
  });

  test('conflicts: another installation, another mesh', async () => {
    const path = '/apis/apps/v1/deployments?labelSelector=app.kubernetes.io%2Fpart-of%3Dweft';
    const hooks = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
    const hook = { webhooks: [{ clientConfig: { service: { name: 'istiod-canary' } } }] };
    const install = (namespace: string, revision: string) => ({
      metadata: { name: 'any', namespace, labels: revision === '' ? {} : { 'weft.dev/rev': revision } },
      spec: { template: { spec: { containers: [{ name: 'weft-control' }] } } },
    });
    const other = install('other', '');
    expect(await ask('conflicts', { [path]: [other], [hooks]: [hook] })).toEqual([
      'fault the mesh is installed in other already, and one namespace has all of its control planes',
      'warning Istio injects pods here too: no namespace may ask both for sidecars',
    ]);
    const beside = async (revision: string, found: readonly object[]) =>
      (await ask('conflicts', { [path]: found, [hooks]: [] }, { revision })).join();
    expect(await beside('', [])).toBe('ok no other installation');
    expect(await beside('', [named('weft-inject')])).toBe('ok no other installation');
    const both = [install('mesh', ''), install('mesh', 'next')];
    expect(await beside('next', both)).toBe(
      'ok installed in mesh: this would be an upgrade of revision next',
    );
    expect(await beside('', both)).toContain('an upgrade of the one without a revision');
    expect(await beside('third', both)).toBe(
      'ok this would stand beside the one without a revision, revision next',
    );
  });
});

describe('of an installation', () => {
  const replica = (synced: boolean): ControlReplica => ({
    pod: 'mesh/c1',
    view: { atMs: 0, synced, proxies: [] },
    reason: '',
  });

  test('the control plane: rolled out, ready, and each replica has read the cluster', async () => {
    const deployment = (ready: number, updated = 2, replicas = 2) => ({
      metadata: { name: 'weft-control', generation: 2 },
      spec: { replicas },
      status: { observedGeneration: 2, readyReplicas: ready, updatedReplicas: updated },
    });
    const of = (found: readonly object[], replicas: readonly ControlReplica[] = []) =>
      ask('control-plane', { '/apis/apps/v1/namespaces/mesh/deployments': found }, { replicas });
    expect(await of([])).toEqual(['fault there is no weft-control in mesh: the mesh is not installed there']);
    expect(await of([deployment(2)], [replica(true)])).toEqual([
      'ok weft-control: 2 of 2 replicas are ready',
      'ok mesh/c1 has read the cluster',
    ]);
    expect(await of([deployment(1)], [replica(false)])).toEqual([
      'fault weft-control: 1 of 2 replicas are ready',
      'fault mesh/c1 has not read the whole cluster yet',
    ]);
    expect((await of([deployment(2, 1)]))[0]).toStartWith('fault weft-control is being rolled out');
    expect((await of([deployment(1, 1, 1)]))[0]).toStartWith('warning weft-control has one replica');
    expect((await of([deployment(2)], [{ pod: 'mesh/c1', view: null, reason: '503' }]))[1]).toStartWith(
      'unknown',
    );
  });

  test('definitions of another version are told', async () => {
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const own = customResourceDefinitions() as readonly { spec: { versions: object[] } }[];
    const there = (spec: (one: (typeof own)[number]) => object) =>
      own.map((one) => ({
        ...one,
        spec: spec(one),
        status: { conditions: [{ type: 'Established', status: 'True' }] },
      }));
    const same = await ask('definitions', { [path]: there(({ spec }) => spec) });
    expect(same.every((line) => line.startsWith('ok'))).toBe(true);
    const old = there(() => ({ versions: [{ name: 'v1alpha1', schema: { openAPIV3Schema: {} } }] }));
    const other = await ask('definitions', { [path]: old });
    expect(other.every((line) => line.startsWith('warning'))).toBe(true);
    expect((await ask('definitions', { [path]: own }))[0]).toEndWith('is not established');
    expect((await ask('definitions', { [path]: [] }))[0]).toContain('is not there');
  });

  describe('the webhook', () => {
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const [authority, another] = [createAuthority('a'), createAuthority('b')];
    const issue = (name: string, daysLeft = 100) =>
      authority.issue({ dns: [`${name}.svc`], notAfterMs: nowMs + daysLeft * dayMs + 1 }).pem;
    const pems = { ca: authority.pem, cert: issue('weft-inject.mesh'), foreign: another.pem };

    const of = (cert: string, ca: string, annotations: object = {}) =>
      ask('webhook', {
        '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/weft-inject-mesh': {
          webhooks: [{ clientConfig: { caBundle: base64(ca) } }],
        },
        '/api/v1/namespaces/mesh/secrets/weft-inject': { data: { 'tls.crt': base64(cert) } },
        '/api/v1/namespaces': [asking],
        'POST /api/v1/namespaces/shop/pods?dryRun=All': { metadata: { annotations } },
      });
    const injected = { 'weft.dev/injected': 'weft:1' };

    test('is trusted for its name, and answers', async () => {
      expect(await of(pems.cert, pems.ca, injected)).toEqual([
        'ok its certificate is trusted, for 100 days more',
        'ok a pod that is created in shop gets a sidecar',
      ]);
    });
    test('whose certificate ends', async () => {
      const lines = async (daysLeft: number) => (await of(issue('weft-inject.mesh', daysLeft), pems.ca))[0];
      expect(await lines(3)).toBe('warning its certificate ends in 3 days');
      expect(await lines(-3)).toStartWith('fault its certificate ended on ');
    });
    test('of another name', async () => {
      expect(await of(issue('weft-inject.elsewhere'), pems.ca)).toContain(
        'fault its certificate is not for weft-inject.mesh.svc',
      );
    });
    test('of another authority', async () => {
      expect((await of(pems.cert, pems.foreign)).join()).toContain('not signed by the caBundle');
    });
    test('with nothing in its caBundle', async () => {
      expect(await of(pems.cert, '')).toContain(
        'fault the caBundle of its configuration holds no certificate',
      );
    });
    test('without a certificate', async () => {
      expect(await of('', pems.ca)).toContain('fault the Secret weft-inject has no certificate');
    });
    test('that does not answer', async () => {
      expect((await of(pems.cert, pems.ca)).at(-1)).toStartWith(
        'fault a pod that is created in shop gets no sidecar',
      );
    });
    test('that the control plane keeps is renewed long before its end', async () => {
      const kept = async (daysLeft: number) => {
        const lines = await ask('webhook', {
          '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/weft-inject-mesh': {
            metadata: { annotations: { 'weft.dev/certificate': 'kept' } },
            webhooks: [{ clientConfig: { caBundle: base64(pems.ca) } }],
          },
          '/api/v1/namespaces/mesh/secrets/weft-inject': {
            data: { 'tls.crt': base64(issue('weft-inject.mesh', daysLeft)) },
          },
        });
        return lines[0];
      };
      expect(await kept(8)).toBe('ok its certificate is trusted, for 8 days more');
      expect(await kept(6)).toBe('warning its certificate ends in 6 days');
    });
    test('of a revision: its own names, and its own namespaces', async () => {
      const pods = 'POST /api/v1/namespaces/moved/pods?dryRun=All';
      const lines = await ask(
        'webhook',
        {
          '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/weft-inject-next-mesh': {
            webhooks: [{ clientConfig: { caBundle: base64(pems.ca) } }],
          },
          '/api/v1/namespaces/mesh/secrets/weft-inject-next': {
            data: { 'tls.crt': base64(issue('weft-inject-next.mesh')) },
          },
          '/api/v1/namespaces': [asking, named('moved', {}, { 'weft.dev/rev': 'next' })],
          [pods]: { metadata: { annotations: injected } },
        },
        { revision: 'next' },
      );
      expect(lines).toEqual([
        'ok its certificate is trusted, for 100 days more',
        'fault a pod that is created in moved gets its sidecar from the one without a revision',
      ]);
    });
    test('is missed only where a namespace asks for it', async () => {
      const absent = (namespaces: readonly object[]) => ask('webhook', { '/api/v1/namespaces': namespaces });
      expect(await absent([asking])).toEqual(['fault not installed, and these ask for sidecars: shop']);
      expect(await absent([named('shop')])).toEqual(['ok not installed, and no namespace asks for it']);
    });
  });

  test('a revision that is named and not there, and sidecars of another', async () => {
    const control = (labels: object) => ({
      metadata: { name: 'any', labels },
      spec: { template: { spec: { containers: [{ name: 'weft-control' }] } } },
    });
    const next = { 'weft.dev/rev': 'next' };
    const of = (deployments: readonly object[], pods: readonly object[]) =>
      ask('revisions', {
        '/apis/apps/v1/namespaces/mesh/deployments': deployments,
        '/api/v1/namespaces': [named('shop', {}, next), named('free')],
        '/api/v1/pods': pods,
      });
    const sidecar = (name: string, annotations: object) => pod(name, 'weft-proxy', { annotations });
    expect(await of([control({})], [])).toEqual([
      'fault shop names revision next, which is not there: nobody injects its pods',
    ]);
    const both = [control({}), control(next)];
    expect(await of(both, [sidecar('a', next)])).toEqual(['ok all have the control plane that they name']);
    expect(await of(both, [sidecar('a', next), sidecar('b', {}), pod('c', 'app')])).toEqual([
      'warning sidecars of the one without a revision, where their namespace names another: shop/b; restart them',
    ]);
  });

  test('Gateways of a control plane that is not there', async () => {
    const control = (name: string) => ({
      metadata: { name: 'any', labels: name === '' ? {} : { 'weft.dev/rev': name } },
      spec: { template: { spec: { containers: [{ name: 'weft-control' }] } } },
    });
    const gateway = (name: string, rev = '', gatewayClassName = 'weft') => ({
      metadata: { name, namespace: 'edge', labels: rev === '' ? {} : { 'weft.dev/rev': rev } },
      spec: { gatewayClassName },
    });
    const of = (there: readonly string[], ...gateways: readonly object[]) =>
      ask('revisions', {
        '/apis/apps/v1/namespaces/mesh/deployments': there.map(control),
        '/api/v1/namespaces': [named('edge')],
        '/apis/gateway.networking.k8s.io/v1/gatewayclasses': [
          named('weft', { spec: { controllerName: 'weft.dev/gateway-controller' } }),
        ],
        '/apis/gateway.networking.k8s.io/v1/gateways': gateways,
      });
    const all = [gateway('plain'), gateway('moved', 'next'), gateway('foreign', 'other', 'another')];
    expect(await of(['', 'next'], ...all)).toEqual(['ok all have the control plane that they name']);
    expect(await of(['next'], ...all)).toEqual([
      'fault Gateways of the one without a revision, which is not there: edge/plain; nobody serves them',
    ]);
    expect(await of([''], ...all)).toEqual([
      'fault Gateways of revision next, which is not there: edge/moved; nobody serves them',
    ]);
  });

  test('the authority lasts, and is known in every namespace', async () => {
    const self = (daysLeft: number) => createSelfSigned({ notAfterMs: nowMs + daysLeft * dayMs + 1 }).pem;
    const of = (pem: string, known: string) =>
      ask('authority', {
        '/api/v1/namespaces/mesh/secrets/weft-ca': {
          data: {
            'tls.crt': Buffer.from(pem).toString('base64'),
            'ca.crt': Buffer.from(pem).toString('base64'),
          },
        },
        '/api/v1/namespaces': [named('shop'), named('going', {}, {}), named('mesh')].map((one, at) =>
          at === 1 ? { metadata: { ...one.metadata, deletionTimestamp: 'now' } } : one,
        ),
        '/api/v1/configmaps?fieldSelector=metadata.name%3Dweft-ca': [
          { metadata: { namespace: 'shop' }, data: { 'ca.crt': known } },
          { metadata: { namespace: 'mesh' }, data: { 'ca.crt': pem } },
        ],
      });
    const [long, short, ended] = [self(200), self(50), self(-2)];
    expect(await of(long, long)).toEqual([
      'ok weft-ca: 200 days more',
      'ok 2 of 2 namespaces have what proxies are to trust',
    ]);
    expect(await of(short, 'old')).toEqual([
      'warning weft-ca ends in 50 days, and nobody renews it',
      'fault proxies cannot know the control plane in shop: the ConfigMap weft-ca is not as it should be',
    ]);
    expect((await of(ended, ended))[0]).toStartWith('fault weft-ca ended on ');
    expect((await of('x', 'x'))[0]).toBe('fault the Secret weft-ca holds no certificate');
    expect((await ask('authority', {}))[0]).toStartWith('warning there is no Secret weft-ca');
  });

  test('pods without a sidecar are told with why', async () => {
    const pods = [
      pod('a', 'weft-proxy'),
      pod('left', 'app', { labels: { 'weft.dev/inject': 'false' } }),
      pod('host', 'app', {}, { hostNetwork: true }),
      pod('bad', 'app', { annotations: { 'weft.dev/skip-ports': 'x' } }),
      pod('slipped', 'app'),
      { ...pod('done', 'app'), status: { phase: 'Succeeded' } },
      {
        ...pod('past', 'weft-proxy'),
        status: {
          initContainerStatuses: [
            { name: 'weft-redirect', state: { waiting: {} }, lastState: { terminated: { exitCode: 126 } } },
          ],
        },
      },
    ];
    const lines = await ask('injection', {
      '/api/v1/namespaces': [asking, named('free')],
      '/api/v1/pods': pods,
    });
    expect(lines).toEqual([
      'ok 2 of 6 pods of namespaces that ask have a sidecar',
      expect.stringMatching(/^fault they were made past the CNI plugin.*: shop\/past$/),
      'ok left alone, for weft.dev/inject says so: shop/left',
      'ok left alone, for it has the network of its node: shop/host',
      expect.stringMatching(/^fault annotation weft.dev\/skip-ports must be ports.*: shop\/bad$/),
      expect.stringMatching(/^fault they have no sidecar, although they could.*: shop\/slipped$/),
    ]);
  });

  test('proxies: lost, refusing, of another version', async () => {
    const view = (name: string, more: object = {}) => ({
      ...{ node: `sidecar~${name}.shop`, role: 'sidecar', namespace: 'shop', connected: true },
      ...{
        connectedAtMs: 0,
        lastSeenAtMs: 0,
        userAgent: 'weft',
        weft: '1.2.3',
        notes: [],
        nacks: [],
        load: null,
      },
      ...{ types: [{ typeUrl: 'x.Cluster', status: 'SYNCED', ageMs: 1, subscribed: '*' }], ...more },
    });
    const nacks = [{ resource: 'b', message: 'too large', atMs: 1 }];
    const replicas = [
      {
        pod: 'mesh/c1',
        view: {
          atMs: 0,
          synced: true,
          proxies: [view('a'), view('old', { weft: '1.0.0' }), view('no', { nacks })],
        },
        reason: '',
      },
    ] as unknown as readonly ControlReplica[];
    const pods = ['a', 'old', 'no', 'lost'].map((name) => pod(name, 'weft-proxy'));
    expect(await ask('proxies', { '/api/v1/pods': pods }, { replicas })).toEqual([
      'fault shop/no refused b: too large',
      'fault connected to no replica of the control plane: shop/lost',
      'ok 2 of 4 have all that they are sent',
      'warning of version 1.0.0, where this is 1.2.3: shop/old; restart them',
    ]);
  });

  test('access: callers of a fence that would come from the agent of their node', async () => {
    const policies = '/apis/weft.dev/v1alpha1/accesspolicies';
    const policy = (mode: string) => ({
      metadata: { name: 'fence', namespace: 'shop' },
      spec: { mode, rules: [{ from: [{ serviceAccount: { name: 'web' } }] }] },
    });
    const agent = { ...pod('agent', 'weft-agent'), metadata: { namespace: 'mesh', name: 'agent' } };
    const pods = [pod('bare', 'app', {}, { serviceAccountName: 'web' }), pod('other', 'app')];
    const of = (mode: string, ...more: readonly object[]) =>
      ask('access', { [policies]: [policy(mode)], '/api/v1/pods': [...pods, ...more] });
    expect(await of('Enforce', agent)).toEqual([
      expect.stringMatching(/^warning shop\/fence names callers without a sidecar.*: shop\/bare$/),
    ]);
    expect((await of('Audit', agent))[0]).toStartWith('ok');
    expect((await of('Enforce'))[0]).toStartWith('ok');
  });

  test('access: pods of a fenced Service past whose proxies somebody may call', async () => {
    const fence = {
      metadata: { name: 'fence', namespace: 'shop' },
      spec: { targetRefs: [{ group: '', kind: 'Service', name: 'web' }], rules: [] },
    };
    const ports = [
      { port: 80, targetPort: 'web' },
      { port: 5432, protocol: 'TCP' },
      { port: 53, protocol: 'UDP' },
    ];
    const service = {
      metadata: { name: 'web', namespace: 'shop' },
      spec: { selector: { app: 'web' }, ports },
    };
    const web = (
      name: string,
      container: string,
      annotations: object = {},
      labels: object = { app: 'web' },
    ) => {
      const made = pod(name, container, { labels, annotations });
      const app = { name: 'app', ports: [{ name: 'web', containerPort: 8080 }] };
      return { ...made, spec: { ...made.spec, containers: [app, ...(made.spec.containers ?? [])] } };
    };
    const lines = await ask('access', {
      '/apis/weft.dev/v1alpha1/accesspolicies': [fence],
      '/api/v1/services': [service],
      '/api/v1/pods': [
        web('well', 'weft-proxy'),
        web('bare', 'other'),
        web('other', 'other', {}, { app: 'else' }),
        web('chosen', 'weft-proxy', { 'weft.dev/inbound-ports': '5432' }),
        web('skips', 'weft-proxy', {
          'weft.dev/skip-ports': '5432,9090',
          'weft.dev/skip-interfaces': 'net1',
        }),
        web('unfenced', 'weft-proxy', { 'weft.dev/skip-ports': '9090' }),
      ],
    });
    expect(lines).toEqual([
      'warning shop/fence fences web, of which pods have no sidecar: the network alone judges their callers: shop/bare',
      'warning shop/fence fences web, of which annotations keep ports from their proxies: the network alone judges who calls them: shop/chosen (8080), shop/skips (5432, all by net1)',
      'ok 1 AccessPolicies, and no agents whose callers they could not tell',
    ]);
  });

  test('certificates of Gateways of our class', async () => {
    const issue = (daysLeft: number) => ({
      'tls.crt': Buffer.from(createSelfSigned({ notAfterMs: nowMs + daysLeft * dayMs + 1 }).pem).toString(
        'base64',
      ),
    });
    const group = '/apis/gateway.networking.k8s.io/v1';
    const gateway = (ref: string) => ({
      metadata: { name: 'edge', namespace: 'shop' },
      spec: { gatewayClassName: 'weft', listeners: [{ tls: { certificateRefs: [{ name: ref }] } }] },
    });
    const of = (ref: string, found: object | number) =>
      ask('certificates', {
        [`${group}/gatewayclasses`]: [
          named('weft', { spec: { controllerName: 'weft.dev/gateway-controller' } }),
        ],
        [`${group}/gateways`]: [gateway(ref)],
        '/api/v1/namespaces/shop/secrets/www': found,
      });
    const lines = async (daysLeft: number) => (await of('www', { data: issue(daysLeft) }))[0];
    expect(await lines(90)).toBe('ok shop/www: 90 days more');
    expect(await lines(3)).toBe('warning shop/www ends in 3 days');
    expect(await lines(-3)).toStartWith('fault shop/www ended on ');
    expect(await of('gone', 404)).toEqual(['fault shop/gone is named by a Gateway, and is not there']);
    expect(await of('www', { data: { 'tls.crt': 'eA==' } })).toEqual(['fault shop/www holds no certificate']);
    expect((await of('www', 403))[0]).toStartWith('unknown shop/www cannot be read');
    const set = (parent: string) => ({
      metadata: { name: 'more', namespace: 'team' },
      spec: {
        parentRef: { name: parent, namespace: 'shop' },
        listeners: [{ tls: { certificateRefs: [{ name: 'own' }] } }],
      },
    });
    const ofSet = (parent: string) =>
      ask('certificates', {
        [`${group}/gatewayclasses`]: [
          named('weft', { spec: { controllerName: 'weft.dev/gateway-controller' } }),
        ],
        [`${group}/gateways`]: [gateway('www')],
        [`${group}/listenersets`]: [set(parent)],
        '/api/v1/namespaces/shop/secrets/www': { data: issue(90) },
      });
    expect((await ofSet('edge')).toSorted()).toEqual([
      'fault team/own is named by a ListenerSet, and is not there',
      'ok shop/www: 90 days more',
    ]);
    expect(await ofSet('other')).toEqual(['ok shop/www: 90 days more']);
  });
});
