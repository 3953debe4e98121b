// A node goes away as with its power: no process on it says goodbye. The rig's kubelet takes its pods along, and comes
// back by itself.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { namespaces } from './bank.ts';
import type { Stage } from './stage.ts';

/** Until the rig's kubelet has seen what became of its pods. */
const awayMs = 5000;

/** The other one than the edge's: whom a cluster's load balancer leads to a node that is gone, no mesh can help. */
async function chooseNode(stage: Stage): Promise<string> {
  const edge = await stage.kubectl(
    'get pod -n front -l gateway.networking.k8s.io/gateway-name=edge -o jsonpath={.items[0].spec.nodeName}',
  );
  const names = (await stage.kubectl('get nodes -o jsonpath={.items[*].metadata.name}')).split(' ');
  const other = names.find((name) => name !== edge);
  if (other === undefined) throw new Error(`only one node: ${names.join()}`);
  return other;
}

export async function loseNode(stage: Stage): Promise<object> {
  const node = await chooseNode(stage);
  const rigPid = readFileSync(join(stage.rig.folder, 'cluster/pid'), 'utf8').trim();
  const children = await stage.rig.sh(`ps --ppid ${rigPid} -o pid=,args=`);
  const kubelet = children.split('\n').find((line) => line.includes(`kubelet --node ${node} `));
  const pid = Number(kubelet?.trim().split(' ')[0]);
  if (!Number.isInteger(pid) || pid <= 1) throw new Error(`no kubelet of ${node} among ${children}`);
  process.kill(pid, 'SIGKILL');
  await Bun.sleep(awayMs);
  await stage.whenRolledOut(namespaces);
  return { node };
}
