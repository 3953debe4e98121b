// The story: a bank on node agents moves to a sidecar beside every replica, is fenced, has a node drained, and goes
// back.

import { customersCount, openingPennies } from '../examples/bank/bank.ts';
import { createLedgerFile } from '../examples/bank/ledger-store.ts';
import { until } from '../src/testing/until.ts';
import { createBank, namespaces } from './bank.ts';
import { Clients } from './clients.ts';
import { envoyBack, envoyIn } from './envoy.ts';
import { fence, liftFence } from './fence.ts';
import { install, uninstall } from './install.ts';
import { moveTo } from './move.ts';
import { drainNode } from './node-drain.ts';
import { scrape } from './scrape.ts';
import type { Stage, Step } from './stage.ts';
import { measureStartUp } from './start-up.ts';
import { nextRevision, upgradeByRevision } from './upgrade.ts';

const calm = { seconds: 3, p99Ms: 300, withinMs: 60_000 } as const;

async function openBank(stage: Stage, ratePerSecond: number): Promise<object> {
  createLedgerFile(`${stage.ledgerFolder}/ledger.db`, 2 * customersCount, openingPennies);
  await stage.apply(createBank(stage.ledgerFolder));
  await stage.whenRolledOut(namespaces);
  const address = 'get service -n front edge-weft -o jsonpath={.status.loadBalancer.ingress[0].ip}';
  await until(
    'the edge has an address',
    async () => (await stage.rig.shell(`kubectl ${address}`)).out !== '',
  );
  const port = await stage.rig.forward(`${await stage.kubectl(address)}:8080`);
  const url = `http://127.0.0.1:${port}`;
  await until('the bank answers', async () => (await fetch(`${url}/home/1`)).ok);
  stage.clients = new Clients(url, ratePerSecond);
  await whenCalm(stage);
  const pods = JSON.parse(await stage.kubectl('get pods -A -o json')) as {
    readonly items: readonly object[];
  };
  return { pods: pods.items.length };
}

/** Its first seconds show cold processes. */
async function whenCalm({ clients }: Stage): Promise<void> {
  const deadline = performance.now() + calm.withinMs;
  while (performance.now() < deadline) {
    const last = clients?.seconds.slice(-calm.seconds) ?? [];
    const isCalm =
      last.length === calm.seconds && last.every(({ p99Ms }) => p99Ms !== null && p99Ms < calm.p99Ms);
    if (isCalm) return;
    await Bun.sleep(1000);
  }
}

async function scaleRollKill(stage: Stage): Promise<undefined> {
  await stage.kubectl('scale -n core deployment/accounts --replicas=5');
  await stage.whenRolledOut(['core']);
  await stage.kubectl('rollout restart -n core deployment/ledger deployment/fraud');
  await stage.kubectl('scale -n core deployment/accounts --replicas=3');
  await stage.whenRolledOut(['core']);
  // Without a word to anybody, in the middle of what it does.
  const pod = await stage.kubectl('get pod -n core -l app=accounts -o jsonpath={.items[0].metadata.name}');
  await stage.rig.shell(`kubectl exec -n core ${pod} -c accounts -- kill -KILL 1`);
  await stage.whenRolledOut(['core']);
}

async function rollControl(stage: Stage): Promise<undefined> {
  await stage.kubectl('rollout restart -n weft-system deployment/weft-control-next');
  await stage.kubectl('rollout status -n weft-system deployment/weft-control-next --timeout=120s');
}

async function backOnAgents(stage: Stage): Promise<object> {
  await liftFence(stage);
  return await moveTo(stage, 'agent', namespaces, nextRevision);
}

/** `ratePerSecond` of home pages and transfers together; a page is 28 calls. */
export function listSteps(ratePerSecond: number, startsCount: number): readonly Step[] {
  return [
    { name: 'installed', about: 'Control plane, agents and webhook on an empty cluster.', run: install },
    {
      name: 'on agents',
      about: 'The bank sends plain HTTP to the agent of its node.',
      run: (stage) => openBank(stage, ratePerSecond),
    },
    { name: 'scraped', about: 'Prometheus has the numbers of all of it.', run: scrape },
    { name: 'scaled, rolled, killed', about: 'As every day.', run: scaleRollKill },
    {
      name: 'two on sidecars',
      about: 'The namespaces front and core get a sidecar beside every replica.',
      run: (stage) => moveTo(stage, 'sidecar', ['front', 'core']),
    },
    {
      name: 'one back',
      about: 'core goes back to the agents.',
      run: (stage) => moveTo(stage, 'agent', ['core']),
    },
    {
      name: 'upgraded by revision',
      about:
        'A second control plane; all move to it and to sidecars, one after the other; the first one goes.',
      run: upgradeByRevision,
    },
    { name: 'control plane rolled', about: 'Every replica of it is replaced.', run: rollControl },
    { name: 'fenced', about: 'Only the named callers reach the ledger.', run: fence },
    { name: 'a node drained', about: 'Its pods go elsewhere, as their budgets allow.', run: drainNode },
    { name: 'Envoy in', about: 'A real Envoy in place of the sidecars of one service.', run: envoyIn },
    { name: 'Envoy out', about: 'And back.', run: envoyBack },
    {
      name: 'start-up',
      about: 'How long a pod takes to be ready, with a sidecar and without.',
      run: (stage) => measureStartUp(stage, startsCount),
    },
    { name: 'back on agents', about: 'As it was, without a fence.', run: backOnAgents },
    { name: 'uninstalled', about: 'Nothing of it is left.', run: uninstall },
  ];
}
