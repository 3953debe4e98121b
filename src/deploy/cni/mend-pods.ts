// Pods of this node that were made while the plugin was not in the network's list (the node just started, somebody
// wrote the list anew): their first container waits, and here their rules are set.

import { fieldOf, type KubeApi, type KubeObject, listAll, textOf } from '../../control/index.ts';
import type { CniAgent } from './agent.ts';
import { findPodNetworks } from './pod-networks.ts';
import { redirectAnnotation } from './redirect-note.ts';

/** How many were mended; a text: why that could not be tried. */
export async function mendPods(
  api: KubeApi,
  agent: CniAgent,
  node: string,
  proc = '/proc',
): Promise<number | string> {
  const path = `/api/v1/pods?fieldSelector=${encodeURIComponent(`spec.nodeName=${node}`)}`;
  const listed = await listAll(api, path);
  if (!listed.ok) return listed.error.message;
  if (listed.value.kind !== 'objects') return `pods cannot be listed: ${listed.value.kind}`;
  const pods = new Map(
    listed.value.objects.filter(isMeant).map((pod) => [textOf(pod, 'metadata', 'uid'), pod]),
  );
  const networks = findPodNetworks(new Set(pods.keys()), proc);
  let mended = 0;
  for (const [uid, network] of networks) if (await agent.mend(pods.get(uid)!, network)) mended++;
  return mended;
}

function isMeant(pod: KubeObject): boolean {
  return (
    textOf(pod, 'metadata', 'annotations', redirectAnnotation) !== '' &&
    !['Succeeded', 'Failed'].includes(textOf(pod, 'status', 'phase')) &&
    fieldOf(pod, 'spec', 'hostNetwork') !== true
  );
}
