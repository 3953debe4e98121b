import { describe, expect, test } from 'bun:test';
import { annotations } from './annotations.ts';
import { injectPod } from './inject.ts';
import type { ContainerObject, PodObject } from './objects.ts';

const options = { image: 'weft:1', xds: 'weft-control.weft-system.svc:15010' };
const app: ContainerObject = { name: 'app', image: 'app', ports: [{ name: 'http', containerPort: 8080 }] };

function podOf(
  changes: Partial<PodObject['metadata']> = {},
  spec: Partial<PodObject['spec']> = {},
): PodObject {
  return { metadata: { name: 'a', labels: { app: 'a' }, ...changes }, spec: { containers: [app], ...spec } };
}

function injected(pod: PodObject): PodObject {
  const injection = injectPod(pod, options);
  if (injection.kind !== 'injected') throw new Error(injection.reason);
  return injection.pod;
}

function argsOf(pod: PodObject, name: string): string {
  const container = pod.spec.initContainers?.find((one) => one.name === name);
  return String((container?.['args'] as string[] | undefined)?.join(' '));
}

const said = (annotation: string, value: string) => podOf({ annotations: { [annotation]: value } });

describe('an injected pod', () => {
  const pod = injected(podOf());

  test('redirects, then knows itself, then runs its proxy as a native sidecar, all before the pod’s own', () => {
    const own = { name: 'migrate', image: 'app' };
    const { initContainers } = injected(podOf({}, { initContainers: [own] })).spec;
    expect(initContainers?.map(({ name, restartPolicy }) => [name, restartPolicy])).toEqual([
      ['weft-redirect', undefined],
      ['weft-bootstrap', undefined],
      ['weft-proxy', 'Always'],
      ['migrate', undefined],
    ]);
  });

  test('is otherwise as it was', () => {
    expect(pod.spec.containers).toEqual([app]);
    expect(pod.metadata?.labels).toEqual({ app: 'a', 'weft.dev/service-account': 'default' });
  });

  test('is found by Prometheus, unless its own metrics are', () => {
    expect(injected(podOf()).metadata?.annotations).toMatchObject({
      'prometheus.io/scrape': 'true',
      'prometheus.io/port': '15021',
      'prometheus.io/path': '/stats/prometheus',
    });
    const own = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '9090' };
    const kept = injected(podOf({ annotations: own })).metadata?.annotations;
    const ours = { 'weft.dev/metrics': '15021/stats/prometheus', [annotations.status]: 'weft:1' };
    expect(kept).toEqual({ ...own, ...ours });
  });

  test('gives no container a right but the one that redirects', () => {
    for (const container of pod.spec.initContainers ?? []) {
      const context = container.securityContext as { capabilities: { drop: string[]; add?: string[] } };
      expect(context['capabilities'].drop).toEqual(['ALL']);
      expect(context['capabilities'].add ?? []).toEqual(
        container.name === 'weft-redirect' ? ['NET_ADMIN', 'NET_RAW'] : [],
      );
      expect(container.securityContext?.runAsUser).toBe(container.name === 'weft-redirect' ? 0 : 1337);
    }
  });

  test('is not injected twice', () => {
    expect(injectPod(pod, options)).toMatchObject({ kind: 'left', reason: 'it has a sidecar' });
  });
});

describe('what is captured', () => {
  test.each<[name: string, ports: ContainerObject['ports']]>([
    ['an HTTP port', [{ name: 'http', containerPort: 1 }]],
    ['a port of any name', [{ name: 'web', containerPort: 1 }]],
    ['where none is named', undefined],
  ])('all, either way: %s', (_, ports) => {
    const container = ports === undefined ? { name: 'app' } : { name: 'app', ports };
    const pod = injected(podOf({}, { containers: [container] }));
    expect(argsOf(pod, 'weft-redirect')).toBe(
      'redirect --outbound-ports all --inbound-ports all --skip-node',
    );
  });

  test('annotations say otherwise', () => {
    const pod = injected(
      podOf({
        annotations: {
          [annotations.outboundPorts]: 'all',
          [annotations.inboundPorts]: 'none',
          [annotations.skipPorts]: '5432,6379',
          [annotations.skipCidrs]: '10.1.0.0/16, fd00::/8',
          [annotations.skipInterfaces]: 'net1',
          [annotations.application]: 'http=8081',
          [annotations.calls]: 'ledger, rates.market',
          [annotations.cpu]: '1',
          [annotations.memory]: '1Gi',
          [annotations.logLevel]: 'debug',
        },
      }),
    );
    expect(argsOf(pod, 'weft-redirect')).toBe(
      'redirect --outbound-ports all --inbound-ports none --skip-node --skip-ports 5432,6379 --skip-to 10.1.0.0/16,fd00::/8 --skip-interfaces net1',
    );
    expect(argsOf(pod, 'weft-bootstrap')).toEndWith(
      '--application http=8081 --calls ledger,rates.market --container-ports http=8080',
    );
    expect(argsOf(pod, 'weft-proxy')).toEndWith('--log-level debug');
    const proxy = pod.spec.initContainers?.find(({ name }) => name === 'weft-proxy');
    expect(proxy?.['resources']).toEqual({ requests: { cpu: '1', memory: '1Gi' } });
  });

  test.each([
    [annotations.outboundPorts, 'http'],
    [annotations.inboundPorts, '0'],
    [annotations.inboundPorts, '80,,81'],
    [annotations.skipPorts, 'all'],
    [annotations.skipPorts, '65536'],
  ])('%s: %s is a fault that names it', (annotation, value) => {
    expect(injectPod(said(annotation, value), options)).toEqual({
      kind: 'fault',
      reason: `annotation ${annotation} must be ports as 80,8080, or all or none (got ${value})`,
    });
  });

  test.each(['Ledger', 'ledger,', 'a.b.c', ''])('%s as what it calls is a fault', (value) => {
    expect(injectPod(said(annotations.calls, value), options)).toEqual({
      kind: 'fault',
      reason: `annotation weft.dev/calls must be Services as ledger,rates.market, or allowed (got ${value})`,
    });
  });

  test.each([
    [annotations.skipCidrs, '10.0.0.0/33', 'addresses or ranges as 10.0.0.0/8,fd00::1'],
    [annotations.skipInterfaces, 'net1 -j ACCEPT', 'names of interfaces as net1,net2'],
  ])('%s: %s is a fault that names it, and no word of a command', (annotation, value, must) => {
    const reason = `annotation ${annotation} must be ${must} (got ${value})`;
    expect(injectPod(said(annotation, value), options)).toEqual({ kind: 'fault', reason });
  });
});

describe('left alone, with the reason', () => {
  test.each<[pod: PodObject, reason: string]>([
    [said(annotations.inject, 'false'), 'weft.dev/inject says so'],
    [podOf({ labels: { [annotations.inject]: 'disabled' } }), 'weft.dev/inject says so'],
    [podOf({}, { hostNetwork: true }), 'it has the network of its node'],
    [
      podOf({}, { containers: [{ ...app, securityContext: { runAsUser: 1337 } }] }),
      "container app runs as the proxy's user, 1337",
    ],
    [podOf({}, { securityContext: { runAsUser: 1337 } }), "container app runs as the proxy's user, 1337"],
    [
      podOf({}, { containers: [app, { name: 'linkerd-proxy' }] }),
      'container linkerd-proxy is the sidecar of another mesh',
    ],
    [
      podOf({}, { initContainers: [{ name: 'istio-proxy', restartPolicy: 'Always' }] }),
      'container istio-proxy is the sidecar of another mesh',
    ],
    [
      podOf(
        {},
        { initContainers: [{ name: 'logs', restartPolicy: 'Always', securityContext: { runAsUser: 1337 } }] },
      ),
      "container logs runs as the proxy's user, 1337",
    ],
    [
      podOf(
        {},
        { initContainers: [{ name: 'vpn', restartPolicy: 'Always', securityContext: { privileged: true } }] },
      ),
      'container vpn is privileged, and the pod does not ask for it',
    ],
  ])('%#', (pod, reason) => {
    expect(injectPod(pod, options)).toMatchObject({ kind: 'left', reason });
  });
});

describe('a pod that an API server would refuse with a sidecar in it', () => {
  test.each<[pod: PodObject, reason: string, native?: boolean]>([
    [podOf({}, { volumes: [{ name: 'weft' }] }), 'volume weft has a name that the sidecar needs'],
    [podOf({}, { volumes: [{ name: 'weft-pod' }] }), 'volume weft-pod has a name that the sidecar needs'],
    [
      podOf({}, { volumes: [{ name: 'weft-identity' }] }),
      'volume weft-identity has a name that the sidecar needs',
    ],
    [
      podOf({}, { initContainers: [{ name: 'weft-redirect' }] }),
      'container weft-redirect has a name that the sidecar needs',
    ],
    [
      podOf({}, { containers: [app, { name: 'weft-bootstrap' }] }),
      'container weft-bootstrap has a name that the sidecar needs',
    ],
    [
      podOf({}, { hostPID: true, restartPolicy: 'Never' }),
      'it has the processes of its node, among which its proxy does not see when its own have ended',
      false,
    ],
    ...['http', 'http=0', 'http=65536', '=80', 'http=80=81', 'http=8e1'].map((value): [PodObject, string] => [
      said(annotations.application, value),
      `annotation ${annotations.application} must be as http=8080,9090=9091 (got ${value})`,
    ]),
  ])('%#', (pod, reason, nativeSidecars = true) => {
    expect(injectPod(pod, { ...options, nativeSidecars })).toEqual({ kind: 'fault', reason });
  });

  test('is told of its account by the older name too', () => {
    expect(injected(podOf({}, { serviceAccount: 'ledger' })).metadata?.labels).toMatchObject({
      'weft.dev/service-account': 'ledger',
    });
  });
});

describe('before Kubernetes 1.29', () => {
  const ordinary = (spec: Partial<PodObject['spec']> = {}): PodObject => {
    const injection = injectPod(podOf({}, spec), { ...options, nativeSidecars: false });
    if (injection.kind !== 'injected') throw new Error(injection.reason);
    return injection.pod;
  };

  test('the proxy is the first ordinary container: a hook holds the others, another waits for them', () => {
    const { containers, initContainers } = ordinary({ initContainers: [{ name: 'migrate' }] }).spec;
    expect(initContainers?.map(({ name }) => name)).toEqual(['migrate', 'weft-redirect', 'weft-bootstrap']);
    expect(containers.map(({ name }) => name)).toEqual(['weft-proxy', 'app']);
    const [proxy] = containers;
    expect(proxy?.['restartPolicy']).toBeUndefined();
    expect(proxy?.['lifecycle']).toEqual({
      postStart: { exec: { command: ['weft', 'hold', '--ready', '127.0.0.1:15021'] } },
      preStop: { exec: { command: ['weft', 'hold', '--alone', '25'] } },
    });
  });

  test('a hook takes less than the pod’s grace', () => {
    for (const [grace, held] of [
      [600, '595'],
      [3, '1'],
    ] as const)
      expect(JSON.stringify(ordinary({ terminationGracePeriodSeconds: grace }).spec.containers)).toContain(
        `"--alone","${held}"`,
      );
  });

  test('in a pod that is to end the proxy ends with the others, whose processes it sees', () => {
    const { containers, shareProcessNamespace } = ordinary({ restartPolicy: 'Never' }).spec;
    expect(containers[0]?.['args']).toContain('--end-with-others');
    expect(shareProcessNamespace).toBe(true);
    for (const restartPolicy of ['Always', 'OnFailure']) {
      const { spec } = ordinary({ restartPolicy });
      expect(spec.containers[0]?.['args']).not.toContain('--end-with-others');
      expect(spec['shareProcessNamespace']).toBeUndefined();
    }
  });
});

describe('with the CNI plugin', () => {
  const injection = injectPod(podOf({ annotations: { [annotations.skipPorts]: '5432' } }), {
    ...options,
    cni: true,
  });
  const pod = injection.kind === 'injected' ? injection.pod : podOf();

  test('no container needs a right, which Pod Security calls restricted', () => {
    for (const { securityContext } of pod.spec.initContainers ?? [])
      expect(securityContext).toEqual({
        runAsUser: 1337,
        runAsGroup: 1337,
        runAsNonRoot: true,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        seccompProfile: { type: 'RuntimeDefault' },
      });
  });

  test('the rules are the plugin’s to set, and the first container looks whether they are', () => {
    expect(pod.metadata?.annotations?.['weft.dev/redirect']).toBe('outbound=all;inbound=all;skip=5432');
    expect(argsOf(pod, 'weft-redirect')).toBe('redirect --verify 30');
    expect(injected(podOf()).metadata?.annotations).not.toHaveProperty('weft.dev/redirect');
  });
});
