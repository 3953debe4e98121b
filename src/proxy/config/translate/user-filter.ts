// xds.type.v3.TypedStruct with weft.dev/v1alpha1.UserFilter: a filter of the user's own, by its name and configuration.

import { parseGatewayDuration } from '../../../xds/index.ts';
import type { UserFilterConfig } from '../filter-types.ts';
import { type Faults, join, type MessageOf, type typedStruct } from '../schema/index.ts';

const userFilterType = 'weft.dev/v1alpha1.UserFilter';
const usualTimeoutMs = 5_000;
const fields: ReadonlySet<string> = new Set(['filter', 'config', 'onError', 'timeout']);

export function translateUserFilter(
  { type_url = '', value = {} }: MessageOf<typeof typedStruct>,
  path: string,
  faults: Faults,
): UserFilterConfig {
  if (!type_url.endsWith(userFilterType))
    faults.add(join(path, 'type_url'), `is supported as ${userFilterType} only`, type_url);
  const at = (field: string) => join(join(path, 'value'), field);
  const { filter, config, onError = 'fail', timeout } = value;
  for (const field of Object.keys(value))
    if (!fields.has(field)) faults.add(at(field), `is not a field of ${userFilterType}`);
  if (typeof filter !== 'string' || filter === '')
    faults.add(at('filter'), 'must be the name of a filter', filter);
  if (onError !== 'fail' && onError !== 'pass') faults.add(at('onError'), 'must be fail or pass', onError);
  const timeoutMs = timeout === undefined ? usualTimeoutMs : parseGatewayDuration(String(timeout));
  if (timeoutMs === null || timeoutMs === 0)
    faults.add(at('timeout'), 'must be a duration like 5s, above 0', timeout);
  return {
    kind: 'user',
    filter: String(filter),
    config: config ?? null,
    passesErrors: onError === 'pass',
    timeoutMs: timeoutMs ?? usualTimeoutMs,
  };
}
