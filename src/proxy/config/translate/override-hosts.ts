// envoy.load_balancing_policies.override_host: where a request's endpoints are named.

import { type Faults, join, type MessageOf, type overrideHost } from '../schema/index.ts';
import type { HostSource, MetadataPlace, OverrideHostsConfig } from '../types.ts';

type OverrideMessage = MessageOf<typeof overrideHost>;
type KeyMessage = NonNullable<OverrideMessage['selected_host_key']>;

export function translateOverrideHosts(
  message: OverrideMessage,
  path: string,
  faults: Faults,
): OverrideHostsConfig {
  const at = join(path, 'override_host_sources');
  if (message.override_host_sources.length === 0) faults.add(at, 'must not be empty');
  const sources = message.override_host_sources.flatMap(
    ({ header, metadata }, index): readonly HostSource[] => {
      if (header && metadata === undefined) return [{ kind: 'header', name: header.toLowerCase() }];
      if (metadata !== undefined && !header)
        return [{ kind: 'metadata', ...placeOf(metadata, `${at}[${index}].metadata`, faults) }];
      faults.add(`${at}[${index}]`, 'must be one of header, metadata');
      return [];
    },
  );
  const key = message.selected_host_key;
  return {
    sources,
    selected: key === undefined ? null : placeOf(key, join(path, 'selected_host_key'), faults),
  };
}

function placeOf(message: KeyMessage, path: string, faults: Faults): MetadataPlace {
  if (message.path.length === 0) faults.add(join(path, 'path'), 'must not be empty');
  return { key: message.key ?? '', path: message.path.map(({ key }) => key ?? '') };
}
