// Weft comes, and goes.

import { namespaces } from './bank.ts';
import type { Stage } from './stage.ts';
import { nextRevision } from './upgrade.ts';

const gatewayApi = 'sigs.k8s.io/gateway-api@v1.6.3';
const gatewayClass = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'GatewayClass',
  metadata: { name: 'weft' },
  spec: { controllerName: 'weft.dev/gateway-controller' },
};

export async function install(stage: Stage): Promise<undefined> {
  const { rig } = stage;
  const { Dir } = JSON.parse(await rig.sh(`go mod download -json ${gatewayApi}`)) as { readonly Dir: string };
  await stage.kubectl(`apply --server-side -f ${Dir}/config/crd/standard`);
  await rig.sh(`${stage.weft} install --agents --webhook | kubectl apply -f -`);
  await stage.apply([gatewayClass]);
  for (const name of ['deployment/weft-control', 'deployment/weft-inject', 'daemonset/weft-agent'])
    await stage.kubectl(`rollout status -n weft-system ${name} --timeout=120s`);
  return undefined;
}

/** The clients leave first: the edge is Weft's too. The bank stays. */
export async function uninstall(stage: Stage): Promise<object> {
  await stage.clients?.stop();
  for (const namespace of namespaces) await stage.kubectl(`set env -n ${namespace} deployment -l app MESH-`);
  await stage.kubectl('delete gateway -n front edge');
  await stage.kubectl('wait -n front --for=delete deployment/edge-weft --timeout=60s');
  await stage.whenRolledOut(namespaces);
  await stage.rig.sh(`${stage.weft} uninstall --revision ${nextRevision} --crds --yes`);
  await stage.kubectl('delete gatewayclass weft');
  const kinds = 'all,configmap,secret,serviceaccount,role,rolebinding,networkpolicy,lease';
  const left = await stage.kubectl(`get ${kinds} -A -o name -l app.kubernetes.io/part-of=weft`);
  const wide = 'get crd,clusterrole,clusterrolebinding,mutatingwebhookconfiguration,namespace -o name';
  const names = (await stage.kubectl(wide)).split('\n').filter((name) => name.includes('weft'));
  const found = [...left.split('\n'), ...names].filter((name) => name !== '');
  if (found.length > 0) throw new Error(`left behind: ${found.join(' ')}`);
  const page = 'curl -sf -m 9 http://auth.core/sessions/1';
  return { session: JSON.parse(await stage.kubectl(`exec -n front deployment/web -- ${page}`)) };
}
