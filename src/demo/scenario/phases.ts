// The phases of `weft demo --once`: what goes wrong in a mesh's life, one thing at a time, and what must be true
// afterwards.

import { balancingOnly } from '../cluster/manifests.ts';
import type { Pod } from '../cluster/pod.ts';
import { whenAcknowledged, whenAgreed } from './agreement.ts';
import { binomialBound } from './binomial.ts';
import { compareCallers, readCallers } from './callers.ts';
import { type Phase, type Scene, until } from './scene.ts';
import { describeVerdict, judgeCallers } from './slow-verdict.ts';

/** The replica that turns slow, and the work that its 10 ms become. */
const slowService = 'accounts';
const slowSlot = 'accounts-1';
const slowWorkMs = 200;
const recoveryTimeoutMs = 15_000;
const splitPercent = 20;
/** The route change that is made while the control plane is down. */
const restartSplitPercent = 50;
const splitConfidence = 0.999;

function podOf(scene: Scene, slot: string): Pod {
  const found = scene.cluster.slots.get(slot);
  if (found === undefined) throw new Error(`no replica ${slot}`);
  return found.pod;
}

async function killAndWait(scene: Scene, slot: string, what: 'application' | 'all'): Promise<void> {
  const pod = podOf(scene, slot);
  pod.kill(what);
  await until(`${slot} noticed as dead`, recoveryTimeoutMs, () => pod.phase !== 'ready');
  await until(`${slot} ready again`, recoveryTimeoutMs, () => pod.phase === 'ready');
}

const replicaKilled: Phase = {
  name: 'replica-killed',
  minimumMs: 4000,
  async run(scene) {
    await killAndWait(scene, 'ledger-1', 'application');
    await killAndWait(scene, 'ledger-0', 'all');
    return undefined;
  },
};

const replicaFailing: Phase = {
  name: 'replica-failing',
  minimumMs: 3000,
  async run(scene) {
    const pod = podOf(scene, 'fraud-1');
    pod.application.send(JSON.stringify({ status: 503 }));
    await Bun.sleep(2500);
    pod.application.send('{}');
    return undefined;
  },
};

/** One measurement of a slow replica with balancing alone; every caller's egress before and after. */
async function measureSlow(scene: Scene, type: 'LatencyAware' | 'RoundRobin', durationMs: number) {
  scene.cluster.manifests.setPolicies(balancingOnly(type), slowService);
  await whenAcknowledged(scene.cluster);
  const pod = podOf(scene, slowSlot);
  const before = await readCallers(scene.cluster, slowService, pod.spec.name);
  pod.application.send(JSON.stringify({ workMs: slowWorkMs }));
  await Bun.sleep(durationMs);
  const after = await readCallers(scene.cluster, slowService, pod.spec.name);
  pod.application.send('{}');
  return compareCallers(before, after, slowWorkMs);
}

const replicaSlow: Phase = {
  name: 'replica-slow',
  minimumMs: 0,
  async run(scene) {
    const latencyAware = await measureSlow(scene, 'LatencyAware', 6000);
    const roundRobin = await measureSlow(scene, 'RoundRobin', 5200);
    scene.cluster.manifests.setPolicies(null);
    const callers = judgeCallers(scene.baseline, latencyAware, roundRobin);
    for (const caller of callers) scene.print(describeVerdict(caller));
    return { callers };
  },
};

const baseline: Phase = {
  name: 'baseline',
  minimumMs: 5200,
  async run(scene) {
    const before = await readCallers(scene.cluster, slowService, slowSlot);
    await Bun.sleep(5000);
    const after = await readCallers(scene.cluster, slowService, slowSlot);
    scene.baseline = compareCallers(before, after, slowWorkMs);
    return { callers: scene.baseline };
  },
};

/** Does a proxy's dump show the split, if it has that route, and none of the withdrawn endpoint? */
function knowsChanges(dump: string, withdrawn: string): boolean {
  const text = JSON.stringify(JSON.parse(dump));
  const splits = text.includes(`"name":"bank/pricing-v2:80","weight":${restartSplitPercent}`);
  return (splits || !text.includes('"name":"bank/pricing/0"')) && !text.includes(`"name":"${withdrawn}"`);
}

const controlPlaneRestarted: Phase = {
  name: 'control-plane-restarted',
  minimumMs: 4000,
  async run(scene) {
    const { cluster } = scene;
    const withdrawn = podOf(scene, 'accounts-0');
    cluster.control.held = true;
    try {
      await changeWithoutControl(scene, withdrawn);
    } finally {
      cluster.control.held = false;
      cluster.control.start();
    }
    try {
      return { agreed: await whenAgreed(cluster, (dump) => knowsChanges(dump, withdrawn.spec.name)) };
    } finally {
      withdrawn.setWithdrawn(false);
      cluster.manifests.setSplit(0);
      await until('endpoint back', recoveryTimeoutMs, () => withdrawn.phase === 'ready');
    }
  },
};

/** An endpoint and a route change that nobody can be told of, and a proxy that must start from what it remembers. */
async function changeWithoutControl(scene: Scene, withdrawn: Pod): Promise<void> {
  const { cluster } = scene;
  const restarted = podOf(scene, 'fraud-0');
  cluster.control.signal('SIGKILL');
  await until('control plane gone', recoveryTimeoutMs, () => !cluster.control.running);
  withdrawn.setWithdrawn(true);
  cluster.manifests.setSplit(restartSplitPercent);
  restarted.sidecar?.signal('SIGKILL');
  await until('proxy noticed as dead', recoveryTimeoutMs, () => restarted.phase !== 'ready');
  await until('proxy serving alone', recoveryTimeoutMs, () => restarted.phase === 'ready');
}

async function servedBy(pod: Pod): Promise<number> {
  const response = await fetch(pod.healthUrl, { headers: { host: pod.spec.service } });
  return ((await response.json()) as { served: number }).served;
}

const trafficSplit: Phase = {
  name: 'traffic-split',
  minimumMs: 4000,
  async run(scene) {
    const versions = [podOf(scene, 'pricing-v1-0'), podOf(scene, 'pricing-v2-0')] as const;
    scene.cluster.manifests.setSplit(splitPercent);
    await whenAcknowledged(scene.cluster);
    // Counted by the applications themselves, not by the proxies whose work is judged.
    const before = await Promise.all(versions.map(servedBy));
    await Bun.sleep(3000);
    const after = await Promise.all(versions.map(servedBy));
    scene.cluster.manifests.setSplit(0);
    const [first, second] = after.map((served, at) => served - before[at]!) as [number, number];
    const bound = binomialBound(first + second, splitPercent / 100, splitConfidence);
    const split = { percent: splitPercent, calls: first + second, observed: second, bound };
    if (second < bound.low || second > bound.high)
      throw new Error(`split outside its bound: ${JSON.stringify(split)}`);
    return split;
  },
};

const rollingRestart: Phase = {
  name: 'rolling-restart',
  minimumMs: 4000,
  async run(scene) {
    const slots = [...scene.cluster.slots.values()].filter((slot) => slot.workload.name === 'ledger');
    for (const slot of slots) await scene.cluster.replace(slot, slot.attachment);
    await scene.cluster.whenSettled();
    return { replaced: slots.length };
  },
};

export const oncePhases: readonly Phase[] = [
  baseline,
  replicaKilled,
  replicaSlow,
  replicaFailing,
  controlPlaneRestarted,
  trafficSplit,
  rollingRestart,
];
