// The control plane is upgraded by a second one beside it: namespaces move to it by a label, each in its own time, and
// the first one goes when nobody asks it any more. What plays the new version is the same program under another name.

import { until } from '../src/testing/until.ts';
import { countPods, moveTo } from './move.ts';
import type { Stage } from './stage.ts';

export const nextRevision = 'next';
export const nextImage = 'weft-next';

/** `front` is on sidecars already, and has the edge; the others come from the agents. */
export async function upgradeByRevision(stage: Stage): Promise<object> {
  const install = `${stage.weft} install --revision ${nextRevision} --image ${nextImage} --webhook`;
  await stage.rig.sh(`${install} | kubectl apply -f -`);
  for (const name of ['weft-control-next', 'weft-inject-next'])
    await stage.kubectl(`rollout status -n weft-system deployment/${name} --timeout=120s`);
  // It lets pods pass until the API server has learnt of it.
  await stage.kubectl(`label namespace side weft.dev/rev=${nextRevision}`);
  const dry = 'run try -n side --image=any --dry-run=server -o yaml';
  await until('the webhook is asked', async () => (await stage.kubectl(dry)).includes('weft-proxy'));
  await moveTo(stage, 'sidecar', ['side'], nextRevision);
  await moveTo(stage, 'sidecar', ['core'], nextRevision);
  await stage.kubectl(`label namespace front --overwrite weft.dev/rev=${nextRevision}`);
  await stage.kubectl('rollout restart -n front deployment -l app');
  await stage.whenRolledOut(['front']);
  const pods = await countPods(stage, 'front', 'sidecar', nextRevision);
  // Nobody asks an agent now.
  await stage.rig.sh(`${install} --agents | kubectl apply -f -`);
  await stage.kubectl('rollout status -n weft-system daemonset/weft-agent --timeout=120s');
  // It refuses while a pod still asks the one that goes.
  await stage.rig.sh(`${stage.weft} uninstall --yes`);
  return { front: pods };
}
