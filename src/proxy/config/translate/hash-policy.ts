// RouteAction.hash_policy: what of a request chooses its endpoint.

import type { HashPolicy } from '../../../policy/index.ts';
import { type Faults, type hashPolicy, join, type MessageOf } from '../schema/index.ts';
import { translateTextRewrite } from './rewrites.ts';

type HashPolicyMessage = MessageOf<typeof hashPolicy>;

export function translateHashPolicies(
  policies: readonly HashPolicyMessage[],
  path: string,
  faults: Faults,
): readonly HashPolicy[] {
  return policies.flatMap((policy, index): readonly HashPolicy[] => {
    const made = translateHashPolicy(policy, `${path}[${index}]`, faults);
    return made === null ? [] : [made];
  });
}

function translateHashPolicy(policy: HashPolicyMessage, path: string, faults: Faults): HashPolicy | null {
  const terminal = policy.terminal ?? false;
  const { cookie, header, query_parameter: query } = policy;
  if (header !== undefined) {
    const name = (header.header_name ?? '').toLowerCase();
    const { regex_rewrite: pattern } = header;
    if (pattern === undefined) return { kind: 'header', name, terminal };
    const rewrite = translateTextRewrite(pattern, join(path, 'header.regex_rewrite'), faults);
    return rewrite === null ? null : { kind: 'header', name, terminal, rewrite };
  }
  if (query !== undefined) return { kind: 'query', name: query.name ?? '', terminal };
  if (policy.connection_properties !== undefined) return { kind: 'source-ip', terminal };
  if (cookie === undefined) {
    faults.add(path, 'one of header, cookie, connection_properties, query_parameter must be set');
    return null;
  }
  const ttlSeconds = cookie.ttl === undefined ? null : Math.floor(cookie.ttl / 1000);
  return { kind: 'cookie', name: cookie.name ?? '', path: cookie.path ?? '', ttlSeconds, terminal };
}
