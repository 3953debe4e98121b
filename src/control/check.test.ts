import { describe, expect, test } from 'bun:test';
import { formatIssue } from '../base/index.ts';
import { checkManifests } from './check.ts';
import { policy, route, service } from './testing/manifests.ts';

const findings = (...texts: readonly string[]) =>
  checkManifests(texts.map((text, index) => ({ path: `${index}.yaml`, text }))).findings.map(
    ({ file, line, issue }) => `${file}:${line} ${formatIssue(issue)}`,
  );

describe('checkManifests', () => {
  const cases: readonly [string, readonly string[], readonly string[]][] = [
    ['nothing wrong', [service('a'), policy('a', 'retry: { attempts: 1 }')], []],
    ['across files', [policy('a', 'retry: { attempts: 1 }'), service('a')], []],
    [
      'a fault of one object',
      [policy('a', 'retry: { attempts: 99 }'), service('a')],
      ['0.yaml:5 bank/ServicePolicy/a: spec.retry.attempts: must be a whole number of 0 to 16 (got 99)'],
    ],
    [
      'a target that is not there',
      [policy('a', '')],
      ['0.yaml:2 bank/ServicePolicy/a: TargetNotFound: there is no Service a in bank (got bank/Service/a)'],
    ],
    [
      'two policies on one target',
      [service('a'), policy('a', '', 'x'), policy('a', '', 'z')],
      ['2.yaml:2 bank/ServicePolicy/z: Conflicted: bank/x is older and in force (got bank/Service/a)'],
    ],
    [
      'a backend that is not there',
      [service('a'), route('a', 'backendRefs: [{ name: b, port: 80 }]')],
      ['1.yaml:2 bank/HTTPRoute/a: BackendNotFound: there is no Service bank/b (got bank/Service/a)'],
    ],
    [
      'a backend without a port',
      [service('a'), route('a', 'backendRefs: [{ name: a }]')],
      [
        '1.yaml:2 bank/HTTPRoute/a: BackendNotFound: a reference to Service bank/a must name a port (got bank/Service/a)',
      ],
    ],
    [
      'a backend’s port that is not there',
      [service('a'), route('a', 'backendRefs: [{ name: a, port: 1 }]')],
      ['1.yaml:2 bank/HTTPRoute/a: BackendNotFound: Service bank/a has no port 1 (got bank/Service/a)'],
    ],
    [
      'a backend of another kind',
      [service('a'), route('a', 'backendRefs: [{ kind: Bucket, name: b, port: 80 }]')],
      ['1.yaml:2 bank/HTTPRoute/a: InvalidKind: Bucket b is not a Service (got bank/Service/a)'],
    ],
    [
      'a backend that may not be named from here',
      [
        service('a'),
        service('b', 'vault'),
        route('a', 'backendRefs: [{ name: b, namespace: vault, port: 80 }]').replace(
          'group: "", kind: Service, name: a,',
          'name: g,',
        ),
        `apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: g, namespace: bank }\nspec: { gatewayClassName: weft, listeners: [{ name: a, port: 80, protocol: HTTP }] }\n`,
      ],
      [
        '2.yaml:2 bank/HTTPRoute/a: RefNotPermitted: no ReferenceGrant in vault allows Service vault/b (got bank/Gateway/g)',
      ],
    ],
    [
      'a parent that is not there',
      [route('a', '')],
      ['0.yaml:2 bank/HTTPRoute/a: NoMatchingParent: there is no Service bank/a (got bank/Service/a)'],
    ],
    [
      'a kind that comes later',
      ['apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XListenerSet\nmetadata: { name: a }\n'],
      [
        '0.yaml:2 default/XListenerSet.gateway.networking.x-k8s.io/a: kind: is not supported yet by this version (got XListenerSet)',
      ],
    ],
    [
      'a file that does not parse',
      ['a: [', service('a')],
      [
        '0.yaml:1 0.yaml:1: is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ] (column 5)',
      ],
    ],
    [
      'one object twice',
      [service('a'), service('a')],
      ['1.yaml:2 bank/Service/a: is defined twice, in 0.yaml:2 and in 1.yaml:2; the first counts'],
    ],
  ];
  test.each(cases)('%s', (_, texts, expected) => {
    expect(findings(...texts)).toEqual([...expected]);
  });

  test.each([
    ['v1', 'Servcie', 'Service'],
    ['gateway.networking.k8s.io/v1', 'HTTPRout', 'HTTPRoute'],
    ['gateway.networking.k8s.o/v1', 'HTTPRoute', 'gateway.networking.k8s.io/HTTPRoute'],
    ['discovery.k8s.io/v1', 'EndpointSlices', 'EndpointSlice'],
  ])('%s %s is one of ours, misspelt', (apiVersion, kind, near) => {
    const report = checkManifests([
      { path: 'a', text: `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: a }\n` },
    ]);
    expect(report.findings.map(({ issue }) => issue.rule)).toEqual([
      `is not a kind of any API that the mesh knows (is it ${near}?)`,
    ]);
  });

  test.each([
    ['v1', 'Secret'],
    ['v1', 'ServiceAccount'],
    ['serving.knative.dev/v1', 'Service'],
    ['networking.istio.io/v1', 'Gateway'],
    ['apps/v1', 'Deployment'],
    ['kustomize.config.k8s.io/v1beta1', 'Kustomization'],
  ])('%s %s is somebody else’s', (apiVersion, kind) => {
    const text = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: a }\n`;
    expect(checkManifests([{ path: 'a', text }]).findings).toEqual([]);
  });

  test('a route of another controller’s Gateway is not ours to judge', () => {
    const gateway = `apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: g, namespace: bank }\nspec: { gatewayClassName: other, listeners: [{ name: a, port: 80, protocol: HTTP }] }\n`;
    const text =
      service('a') +
      route('a', 'backendRefs: [{ name: a, port: 80 }]').replace(
        /parentRefs: \[[^\]]*\]/,
        'parentRefs: [{ name: g }]',
      );
    expect(checkManifests([{ path: 'a', text: `${gateway}${text}` }]).findings).toEqual([]);
  });

  test('every backend that cannot be resolved is named', () => {
    const text = service('a') + route('a', 'backendRefs: [{ name: x, port: 80 }, { name: z, port: 80 }]');
    expect(checkManifests([{ path: 'a', text }]).findings.map(({ issue }) => issue.rule)).toEqual([
      'BackendNotFound: there is no Service bank/x; there is no Service bank/z',
    ]);
  });

  test('what is nobody’s fault is a note', () => {
    const report = checkManifests([
      { path: 'a', text: 'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: a }\n' },
      { path: 'b', text: service('db').replace('name: http,', 'name: sql, appProtocol: mysql,') },
      {
        path: 'c',
        text: service('web').replace(
          'spec: {',
          'spec: { clusterIP: None, internalTrafficPolicy: Local, sessionAffinity: ClientIP,',
        ),
      },
    ]);
    expect(report.findings).toEqual([]);
    expect(report.notes).toEqual([
      'bank/Service/db:80: appProtocol mysql is not known here: TCPRoute and TLSRoute alone carry it, as bytes',
      'bank/Service/web: internalTrafficPolicy Local has no effect for a headless Service',
      'bank/Service/web: sessionAffinity ClientIP has no effect for a headless Service',
      'default/Deployment.apps/a: apps/v1 Deployment is not a kind that the mesh reads',
    ]);
  });
});
