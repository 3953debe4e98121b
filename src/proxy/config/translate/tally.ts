// virtual_clusters of a virtual host and stat_prefix of a route: what further series requests are counted in.

import type { RouteTally, VirtualCluster } from '../../../policy/index.ts';
import { type Faults, join, type MessageOf, type route, type virtualCluster } from '../schema/index.ts';
import { translateHeader } from './string-match.ts';

export function translateVirtualClusters(
  messages: readonly MessageOf<typeof virtualCluster>[],
  path: string,
  faults: Faults,
): readonly VirtualCluster[] {
  return messages.map(({ headers, name = '' }, index) => {
    const at = `${join(path, 'virtual_clusters')}[${index}]`;
    if (headers.length === 0) faults.add(join(at, 'headers'), 'must not be empty');
    return {
      name,
      headers: headers.map((header, place) =>
        translateHeader(header, `${join(at, 'headers')}[${place}]`, faults),
      ),
    };
  });
}

/** Of what is forwarded; nothing where nothing is asked for. */
export function translateTally(
  message: MessageOf<typeof route>,
  virtualHost: string,
  virtualClusters: readonly VirtualCluster[],
): { readonly tally?: RouteTally } {
  const name = message.stat_prefix ?? '';
  if (message.route === undefined || (name === '' && virtualClusters.length === 0)) return {};
  return { tally: { virtualHost, route: name, virtualClusters } };
}
