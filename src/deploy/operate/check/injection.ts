// Pods of namespaces that ask for sidecars and have none, with why: they asked so, they cannot have one, or they
// slipped through while the webhook was away (it fails open).

import { type KubeObject, textOf } from '../../../control/index.ts';
import { injectPod } from '../../inject.ts';
import { isPod } from '../../manifests.ts';
import { readMeshPod } from '../mesh-pods.ts';
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
    ...[...byReason].map(([text, those]) => {
      const names = those.map(
        (pod) => `${textOf(pod, 'metadata', 'namespace')}/${textOf(pod, 'metadata', 'name')}`,
      );
      const message = `${text}: ${listNames(names)}`;
      return reasonOf(those[0]!).left ? fine(message) : fault(message);
    }),
  ];
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
