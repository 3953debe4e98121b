// A node is drained, as before its kernel is changed: its pods are evicted as their budgets allow, come up elsewhere,
// and find their way back with the next rollout.

import { namespaces } from './bank.ts';
import type { Stage } from './stage.ts';

/** The bank's alone: the cluster's own DNS has one replica. */
const pods = '--pod-selector=app --ignore-daemonsets --delete-emptydir-data --timeout=240s';

export async function drainNode(stage: Stage): Promise<object> {
  const [node = ''] = (await stage.kubectl('get nodes -o jsonpath={.items[*].metadata.name}'))
    .split(' ')
    .slice(-1);
  await stage.kubectl(`drain ${node} ${pods}`);
  await stage.kubectl(`uncordon ${node}`);
  await stage.whenRolledOut(namespaces);
  return { node };
}
