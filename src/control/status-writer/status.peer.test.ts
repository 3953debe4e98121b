// What became of each object, as kubectl shows it: a real API server with the published definitions of Gateway API.
// `WEFT_KUBENET` names the folder of the rig that starts one.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeSkipped, run } from '../../testing/programs.ts';
import { until } from '../../testing/until.ts';
import { customResourceDefinitions } from '../schema/custom-resources.ts';
import { definitionsFolder } from '../testing/gateway-api.ts';

setDefaultTimeout(60_000);

const root = join(import.meta.dir, '../../..');
const rig = process.env['WEFT_KUBENET'] ?? '';

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

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
}

const name = 'status on a real API server';
if (rig === '') describeSkipped('WEFT_KUBENET does not name a rig', name, () => {});
else play();

function play(): void {
  let folder = '';
  let planes: Bun.Subprocess[] = [];

  async function sh(script: string, input = ''): Promise<string> {
    const setup = `export KUBENET_DIR=${folder}/cluster KUBECONFIG=${folder}/cluster/kubeconfig PATH=${folder}/cluster/bin:$PATH`;
    const { code, out, err } = await run(['bash', '-euo', 'pipefail', '-c', `${setup}\n${script}`], input);
    if (code !== 0) throw new Error(`${script}\n${out}${err}`);
    return out;
  }

  async function read(path: string): Promise<never> {
    return JSON.parse(await sh(`kubectl get ${path} -o json`)) as never;
  }

  const words = (conditions: readonly Condition[]) =>
    conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`);

  const startPlane = (pod: string) =>
    Bun.spawn(
      [
        join(root, 'bin/weft'),
        ...['control', '--kubernetes', '--kubeconfig', join(folder, 'cluster/kubeconfig')],
        ...['--xds', '127.0.0.1:0', '--admin', '127.0.0.1:0'],
      ],
      {
        env: { ...process.env, POD_NAME: pod, POD_NAMESPACE: 'weft-system' },
        stdio: ['ignore', 'ignore', Bun.file(join(folder, `${pod}.log`))],
      },
    );

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'weft-status-'));
    await run(['chmod', '755', folder]);
    await sh(`${rig}/up >/dev/null`);
    const definitions = await definitionsFolder('standard');
    await sh(
      `kubectl apply --server-side -f ${definitions} >/dev/null; kubectl create namespace weft-system >/dev/null`,
    );
    const own = customResourceDefinitions().map((one) => JSON.stringify(one));
    await sh('kubectl apply -f - >/dev/null', own.join('\n---\n'));
    await sh('kubectl wait --for=condition=Established crd --all >/dev/null');
    planes = [startPlane('control-a'), startPlane('control-b')];
  }, 180_000);

  afterAll(async () => {
    for (const plane of planes) plane.kill('SIGKILL');
    await sh(`${rig}/down`).catch(() => {});
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  test('every object has what became of it, and others’ objects nothing', async () => {
    await sh('kubectl apply -f - >/dev/null', objects);
    const accepted = `kubectl get gatewayclass weft -o jsonpath='{.status.conditions[?(@.type=="Accepted")].status}'`;
    await until('the class', async () => (await sh(accepted)) === 'True');
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
    expect(words(gateway.status.conditions)).toEqual(['Accepted=True Accepted', 'Programmed=False Pending']);
    expect(gateway.status.listeners[0]).toMatchObject({ attachedRoutes: 2 });
  });

  test('a fault is an Event at the object, once; mended, the condition turns and says so', async () => {
    const events = `kubectl get events.events.k8s.io -o jsonpath='{range .items[*]}{.regarding.name} {.type} {.reason}{"\\n"}{end}'`;
    await until('the event', async () => (await sh(events)).includes('holed Warning BackendNotFound'));
    await sh('kubectl create service clusterip gone --tcp=80:80 >/dev/null');
    await until('mended', async () => (await sh(events)).includes('holed Normal Mended'));
    const said = (await sh(events)).split('\n').filter((line) => line.startsWith('holed'));
    expect(said.toSorted()).toEqual(['holed Normal Mended', 'holed Warning BackendNotFound']);
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
}
