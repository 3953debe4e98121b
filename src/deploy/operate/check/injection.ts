// Pods of namespaces that ask for sidecars and have none, with why: they asked so, they cannot have one, or they
// slipped through while the webhook was away (it fails open).

import { fieldOf, type KubeObject, textOf } from '../../../control/index.ts';
import { injectPod, redirectName } from '../../inject.ts';
import { isPod } from '../../manifests.ts';
import { listOf, readMeshPod } from '../mesh-pods.ts';
import { asksForSidecars } from './pod-security.ts';
import { type CheckLine, type ClusterCheck, fault, fine, listNames, overList } from './types.ts';

export const injectionCheck: ClusterCheck = {
  name: 'injection',
  run: (reader) =>
    overList(reader, '/api/v1/namespaces', (namespaces) => {
      const asking = new Set(
        namespaces.filter(asksForSidecars).map((one) => textOf(one, 'metadata', 'name')),
      );
      return overList(reader, '/api/v1/pods', (pods) =>
        judgePods(pods.filter((pod) => asking.has(textOf(pod, 'metadata', 'namespace')))),
      );
    }),
};

function judgePods(pods: readonly KubeObject[]): readonly CheckLine[] {
  const running = pods.filter((pod) => !['Succeeded', 'Failed'].includes(textOf(pod, 'status', 'phase')));
  const without = running.filter((pod) => readMeshPod(pod) === null);
  const byReason = Map.groupBy(without, (pod) => reasonOf(pod).text);
  return [
    fine(
      `${running.length - without.length} of ${running.length} pods of namespaces that ask have a sidecar`,
    ),
    ...judgePast(running),
    ...[...byReason].map(([text, those]) => {
      const message = `${text}: ${listNames(those.map(nameOf))}`;
      return reasonOf(those[0]!).left ? fine(message) : fault(message);
    }),
  ];
}

/** Made while the CNI plugin was not in their node's networks: they wait in their first container. */
function judgePast(pods: readonly KubeObject[]): readonly CheckLine[] {
  const past = pods.filter((pod) => {
    const first = listOf(pod, 'status', 'initContainerStatuses').find(
      (status) => textOf(status, 'name') === redirectName,
    );
    return ['state', 'lastState'].some(
      (state) => fieldOf(first, state, 'terminated', 'exitCode') === notRedirectedCode,
    );
  });
  if (past.length === 0) return [];
  return [
    fault(
      `they were made past the CNI plugin of their node, and wait until its agent mends them or they are made anew: ${listNames(past.map(nameOf))}`,
    ),
  ];
}

/** Of `weft redirect --verify`. */
const notRedirectedCode = 126;

function nameOf(pod: KubeObject): string {
  return `${textOf(pod, 'metadata', 'namespace')}/${textOf(pod, 'metadata', 'name')}`;
}

interface Reason {
  readonly left: boolean;
  readonly text: string;
}

const slipped = 'they have no sidecar, although they could: made while the webhook was away; restart them';

function reasonOf(pod: KubeObject): Reason {
  const injection = isPod(pod) ? injectPod(pod, { image: 'any', xds: 'any:1' }) : null;
  if (injection?.kind === 'left') return { left: true, text: `left alone, for ${injection.reason}` };
  return { left: false, text: injection?.kind === 'fault' ? injection.reason : slipped };
}
