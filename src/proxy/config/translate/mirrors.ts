// request_mirror_policies: the most specific level that has any holds alone, as in Envoy.

import type { MirrorPolicy } from '../../../policy/index.ts';
import { type Faults, join, type MessageOf, type requestMirrorPolicy } from '../schema/index.ts';
import { shareOf } from './share.ts';

type Message = MessageOf<typeof requestMirrorPolicy>;

/** null: nothing is said here. */
export function translateMirrors(
  messages: readonly Message[],
  path: string,
  faults: Faults,
): readonly MirrorPolicy[] | null {
  if (messages.length === 0) return null;
  return messages.map((message, index) => {
    const at = `${join(path, 'request_mirror_policies')}[${index}]`;
    const { cluster = '', cluster_header: clusterHeader = '' } = message;
    if ((cluster === '') === (clusterHeader === ''))
      faults.add(at, 'exactly one of cluster, cluster_header must be set');
    return {
      cluster,
      clusterHeader: clusterHeader.toLowerCase(),
      share: message.runtime_fraction === undefined ? 1 : shareOf(message.runtime_fraction.default_value, 1),
      suffixed: message.disable_shadow_host_suffix_append !== true,
    };
  });
}
