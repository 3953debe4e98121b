// What became of each object, as kubectl shows it: a real API server with the published definitions of Gateway API.
// `WEFT_KUBENET` names the folder of the rig that starts one.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../testing/programs.ts';
import { describeOnCluster, Rig } from '../../testing/rig.ts';
import { until } from '../../testing/until.ts';
import { customResourceDefinitions } from '../schema/custom-resources.ts';
import { definitionsFolder } from '../testing/gateway-api.ts';
import { meshFeatures } from './supported-features.ts';

setDefaultTimeout(60_000);

const root = join(import.meta.dir, '../../..');

const objects = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: weft }
spec: { controllerName: weft.dev/gateway-controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: theirs }
spec: { controllerName: example.com/other }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: asking }
spec:
  controllerName: weft.dev/gateway-controller
  parametersRef: { group: "", kind: ConfigMap, name: a, namespace: default }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: asking }
spec: { gatewayClassName: asking, listeners: [{ name: http, protocol: HTTP, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: ledger }
spec: { selector: { app: ledger }, ports: [{ name: http, port: 80 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge }
spec: { gatewayClassName: weft, listeners: [{ name: http, protocol: HTTP, port: 80 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: good }
spec:
  parentRefs: [{ name: edge }, { group: "", kind: Service, name: ledger, port: 80 }, { name: elsewhere }]
  rules: [{ backendRefs: [{ name: ledger, port: 80 }] }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: holed }
spec:
  parentRefs: [{ name: edge }]
  rules: [{ backendRefs: [{ name: gone, port: 80 }] }]
---
apiVersion: weft.dev/v1alpha1
kind: ServicePolicy
metadata: { name: ledger }
spec: { targetRefs: [{ group: "", kind: Service, name: ledger }], timeouts: { request: 5s } }
`;

const outside = `
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackend
metadata: { name: partner }
spec:
  type: ExternalHostname
  port: { port: 443 }
  externalHostname: { hostname: api.example.com }
  tls: { mode: ServerOnly }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: outside }
spec:
  parentRefs: [{ name: edge }, { group: "", kind: Service, name: ledger, port: 80 }]
  rules: [{ backendRefs: [{ group: gateway.networking.x-k8s.io, kind: XBackend, name: partner }] }]
`;

const meshes = ['weft', 'asking', 'theirs']
  .map(
    (name) => `
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XMesh
metadata: { name: ${name} }
spec:
  controllerName: ${name === 'theirs' ? 'example.com/mesh' : 'weft.dev/mesh-controller'}
  ${name === 'asking' ? 'parametersRef: { group: "", kind: ConfigMap, name: a, namespace: default }' : ''}
`,
  )
  .join('---');

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
}

/** A proxy that plays the Gateway `edge` at a port of loopback. */
function createGatewayBootstrap(xdsPort: number, [listener, admin]: readonly number[]): object {
  const address = (port?: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
  const ads = { ads: {}, resource_api_version: 'V3' };
  const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  return {
    node: {
      id: 'gateway~edge-1.default',
      cluster: 'edge',
      metadata: { namespace: 'default', listen: { gateway: `127.0.0.1:${listener}` } },
    },
    admin: { address: address(admin) },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
      lds_config: ads,
      cds_config: ads,
    },
    static_resources: {
      clusters: [
        {
          name: 'xds',
          type: 'STATIC',
          typed_extension_protocol_options: {
            [options]: {
              '@type': `type.googleapis.com/${options}`,
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: 'xds',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(xdsPort) } }] }],
          },
        },
      ],
    },
  };
}

describeOnCluster('status on a real API server', () => {
  const rig = new Rig();
  let planes: Bun.Subprocess[] = [];
  let proxy: Bun.Subprocess | null = null;
  const sh = (script: string, input = '') => rig.sh(script, input);

  async function read(path: string): Promise<never> {
    return JSON.parse(await sh(`kubectl get ${path} -o json`)) as never;
  }

  const words = (conditions: readonly Condition[]) =>
    conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`);

  const pods = ['control-a', 'control-b'] as const;
  const [xdsPorts, proxyPorts] = [freePorts(2), freePorts(2)];
  const startPlane = (pod: string, at: number) =>
    Bun.spawn(
      [
        join(root, 'bin/weft'),
        ...['control', '--kubernetes', '--kubeconfig', join(rig.folder, 'cluster/kubeconfig')],
        ...['--xds', `127.0.0.1:${xdsPorts[at]}`, '--admin', '127.0.0.1:0'],
      ],
      {
        env: { ...process.env, POD_NAME: pod, POD_NAMESPACE: 'weft-system' },
        stdio: ['ignore', 'ignore', Bun.file(join(rig.folder, `${pod}.log`))],
      },
    );

  beforeAll(async () => {
    await rig.up();
    const definitions = await definitionsFolder('standard');
    await sh(
      `kubectl apply --server-side -f ${definitions} >/dev/null; kubectl create namespace weft-system >/dev/null`,
    );
    const own = customResourceDefinitions().map((one) => JSON.stringify(one));
    await sh('kubectl apply -f - >/dev/null', own.join('\n---\n'));
    await sh('kubectl wait --for=condition=Established crd --all >/dev/null');
    planes = pods.map(startPlane);
  }, 180_000);

  afterAll(async () => {
    for (const child of [...planes, proxy]) child?.kill('SIGKILL');
    await rig.down();
  }, 60_000);

  test('every object has what became of it, and others’ objects nothing', async () => {
    // These come when the control plane runs already: what became of their objects is looked at further down.
    const folder = await definitionsFolder('experimental');
    for (const plural of ['xmeshes', 'xbackends'])
      await sh(`kubectl apply --server-side -f ${folder}/*_${plural}.yaml >/dev/null`);
    await sh('kubectl apply -f - >/dev/null', objects);
    const accepted = `kubectl get gatewayclass weft -o jsonpath='{.status.conditions[?(@.type=="Accepted")].status}'`;
    await until('the class', async () => (await sh(accepted)) === 'True');
    for (const asking of ['gatewayclass', 'gateway']) {
      const said = `kubectl get ${asking} asking -o jsonpath='{.status.conditions[?(@.type=="Accepted")].reason}'`;
      await until(`${asking} with parameters`, async () => (await sh(said)) === 'InvalidParameters');
    }
    const theirs: { status?: { conditions?: readonly Condition[] } } = await read('gatewayclass theirs');
    expect(words(theirs.status?.conditions ?? [])).toEqual(['Accepted=Unknown Pending']);
    const parents = async (route: string) => {
      const object = (await read(`httproute ${route}`)) as {
        status?: { parents: readonly { parentRef: { name: string }; conditions: readonly Condition[] }[] };
      };
      return object.status?.parents ?? [];
    };
    await until(
      'the routes',
      async () => (await parents('good')).length === 2 && (await parents('holed')).length === 1,
    );
    expect((await parents('good')).map((one) => [one.parentRef.name, ...words(one.conditions)])).toEqual([
      ['edge', 'Accepted=True Accepted', 'ResolvedRefs=True ResolvedRefs'],
      ['ledger', 'Accepted=True Accepted', 'ResolvedRefs=True ResolvedRefs'],
    ]);
    expect((await parents('holed')).map((one) => words(one.conditions))).toEqual([
      ['Accepted=True Accepted', 'ResolvedRefs=False BackendNotFound'],
    ]);
    const policy: { status: { ancestors: readonly { conditions: readonly Condition[] }[] } } =
      await read('servicepolicy ledger');
    expect(policy.status.ancestors.map((one) => words(one.conditions))).toEqual([['Accepted=True Accepted']]);
  });

  test('a Gateway that no proxy serves is accepted and not programmed', async () => {
    const gateway: {
      status: {
        conditions: readonly Condition[];
        listeners: readonly { attachedRoutes: number; supportedKinds: readonly { kind: string }[] }[];
      };
    } = await read('gateway edge');
    expect(words(gateway.status.conditions)).toEqual([
      'Accepted=True Accepted',
      'Programmed=False Pending',
      'ResolvedRefs=True ResolvedRefs',
    ]);
    expect(gateway.status.listeners[0]).toMatchObject({ attachedRoutes: 2 });
  });

  test('the leader knows of a proxy that asks the other replica', async () => {
    const holder = await sh(
      'kubectl get lease -n weft-system weft-control -o jsonpath={.spec.holderIdentity}',
    );
    const other = holder.startsWith('control-a') ? 1 : 0;
    const path = join(rig.folder, 'gateway.json');
    writeFileSync(path, JSON.stringify(createGatewayBootstrap(xdsPorts[other] ?? 0, proxyPorts)));
    proxy = Bun.spawn([join(root, 'bin/weft'), 'proxy', '-c', path, '--log-level', 'error'], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const reason = `kubectl get gateway edge -o jsonpath='{.status.conditions[?(@.type=="Programmed")].reason}'`;
    // It is served; that nobody reaches it is another matter.
    await until('it is served', async () => (await sh(reason)) === 'AddressNotAssigned');
    proxy.kill('SIGTERM');
    await until('it is served no more', async () => (await sh(reason)) === 'Pending');
  });

  test('a fault is an Event at the object, once; mended, the condition turns and says so', async () => {
    const events = `kubectl get events.events.k8s.io -o jsonpath='{range .items[*]}{.regarding.name} {.type} {.reason}{"\\n"}{end}'`;
    await until('the event', async () => (await sh(events)).includes('holed Warning BackendNotFound'));
    await sh('kubectl create service clusterip gone --tcp=80:80 >/dev/null');
    await until('mended', async () => (await sh(events)).includes('holed Normal Mended'));
    const said = (await sh(events)).split('\n').filter((line) => line.startsWith('holed'));
    expect(said.toSorted()).toEqual(['holed Normal Mended', 'holed Warning BackendNotFound']);
  });

  test('meshes of this controller are answered, though their definition came late', async () => {
    await sh('kubectl apply -f - >/dev/null', meshes);
    const accepted = (name: string) =>
      sh(
        `kubectl get xmesh ${name} -o jsonpath='{.status.conditions[*].status} {.status.conditions[*].reason}'`,
      );
    await until('the mesh', async () => (await accepted('weft')) === 'True Accepted');
    await until('one with parameters', async () => (await accepted('asking')) === 'False InvalidParameters');
    expect(await accepted('theirs')).toBe('Unknown Pending');
    const features = await sh("kubectl get xmesh weft -o jsonpath='{.status.supportedFeatures[*].name}'");
    expect(features).toBe(meshFeatures.join(' '));
  });

  test('a place outside says who sends there', async () => {
    await sh('kubectl apply -f - >/dev/null', outside);
    const parents = `kubectl get xbackend partner -o jsonpath='{range .status.parents[*]}{.parentRef.kind} {.parentRef.name} {.conditions[*].reason}{"\\n"}{end}'`;
    await until(
      'both',
      async () => (await sh(parents)).trim() === 'Gateway edge Accepted\nService ledger Accepted',
    );
  });

  test('nothing is written again when nothing changes', async () => {
    const versions = `kubectl get httproute,gateway,gatewayclass,servicepolicy -o jsonpath='{range .items[*]}{.metadata.resourceVersion} {end}'`;
    const before = await sh(versions);
    // Something else changes: the mesh is built again, and says what it said.
    await sh('kubectl create service clusterip other --tcp=80:80 >/dev/null');
    await Bun.sleep(3_000);
    expect(await sh(versions)).toBe(before);
  });

  test('the leader goes, the other writes on', async () => {
    const holder = () =>
      sh('kubectl get lease -n weft-system weft-control -o jsonpath={.spec.holderIdentity}');
    const first = await holder();
    const at = first.startsWith('control-a') ? 0 : 1;
    planes[at]?.kill('SIGTERM');
    await planes[at]?.exited;
    await until('the other leads', async () => {
      const now = await holder();
      return now !== '' && now !== first;
    });
    await sh('kubectl delete service gone >/dev/null');
    const reason = `kubectl get httproute holed -o jsonpath='{.status.parents[0].conditions[?(@.type=="ResolvedRefs")].reason}'`;
    await until('the condition', async () => (await sh(reason)) === 'BackendNotFound');
  });
});
