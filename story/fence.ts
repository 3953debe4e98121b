// The ledger is fenced: the network lets the named callers pass, and so do the proxies, where the network is lifted.

import { until } from '../src/testing/until.ts';
import type { Stage } from './stage.ts';

const named = ['accounts', 'statements', 'payments'];
const policy = {
  apiVersion: 'weft.dev/v1alpha1',
  kind: 'AccessPolicy',
  metadata: { name: 'ledger', namespace: 'core' },
  spec: {
    targetRefs: [{ group: '', kind: 'Service', name: 'ledger' }],
    rules: [
      {
        from: named.map((name) => ({
          serviceAccount: { name, namespace: name === 'accounts' ? 'core' : 'front' },
        })),
      },
    ],
  },
};
const stranger = (name: string, injected: boolean) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'side', labels: { 'weft.dev/inject': `${injected}` } },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'stranger', image: 'debian', command: ['sleep', 'infinity'] }],
  },
});

export async function fence(stage: Stage): Promise<object> {
  await stage.apply([stranger('stranger', false), stranger('meshed', true)]);
  await stage.kubectl('wait -n side --for=condition=Ready pod/stranger pod/meshed --timeout=60s');
  const fields = '{.items[0].metadata.name} {.items[0].status.podIP}';
  const [pod, address] = (await stage.kubectl(`get pod -n core -l app=ledger -o jsonpath='${fields}'`)).split(
    ' ',
  );
  const ask = async (caller: string) => {
    const curl = `curl -s -m 2 -o /dev/null -w %{http_code} -H host:ledger.core http://${address}:8080/balances?accounts=1`;
    return (await stage.rig.shell(`kubectl exec -n side ${caller} -c stranger -- ${curl}`)).out;
  };
  await until('a stranger reaches it', async () => (await ask('stranger')) === '200');
  await stage.apply([policy]);
  await until('the network refuses a stranger', async () => (await ask('stranger')) === '000');
  await stage.kubectl('delete networkpolicy -n core weft-fence-ledger');
  await until('the proxy refuses a stranger', async () => (await ask('stranger')) === '403');
  const answers = { stranger: await ask('stranger'), meshed: await ask('meshed') };
  const said = await whatIsSaid(stage, `core/${pod}`);
  await stage.kubectl('delete pod -n side stranger meshed --wait=false');
  return { ...answers, ...said };
}

/** The proxy that refused counts it, and writes who asked for what, and the rule. */
async function whatIsSaid(stage: Stage, pod: string): Promise<object> {
  const counted = await stage.rig.sh(`${stage.weft} config ${pod} 'stats?filter=rbac.denied'`);
  const denied = Number(/http\.inbound\.rbac\.denied: (\d+)/.exec(counted)?.[1] ?? 0);
  const written = await stage.rig.sh(`${stage.weft} logs ${pod} --tail 1000`);
  const line = written.split('\n').find((one) => one.includes('"access":"refused"')) ?? '';
  if (denied === 0 || !line.includes('rbac_access_denied_matched_policy'))
    throw new Error(`${pod} counted ${denied} refusals, and wrote ${line === '' ? 'none' : line}`);
  return { denied };
}

/** An agent speaks for all pods of its node: it cannot be told who calls, and a fence lets none of them pass. */
export async function liftFence(stage: Stage): Promise<void> {
  await stage.kubectl('delete accesspolicy -n core ledger');
  await until('the network lets all pass', async () => {
    return (await stage.kubectl('get networkpolicy -n core -o name')).trim() === '';
  });
}
