// The hash of a request under its route's hash policies (RouteAction.hash_policy), as Envoy computes it: what each
// policy finds is hashed, and the results are combined so that two alike do not cancel each other out.

import { formatAddress } from '../../net/index.ts';
import { type Hash64, type HashPolicy, type TextRewrite, xxHash64 } from '../../policy/index.ts';
import type { RequestHead } from '../../wire/index.ts';
import { findCookie, formatCookie } from './cookies.ts';
import { hostOf } from './detect-origin.ts';
import { clientOf } from './request-origin.ts';
import type { RequestState } from './request-state.ts';

/** null: no policy found anything. A cookie that has to be made is left in `request.setCookie`. */
export function hashRequest(request: RequestState, policies: readonly HashPolicy[]): Hash64 | null {
  let hash: Hash64 | null = null;
  for (const policy of policies) {
    const found = find(request, policy);
    if (found !== null) {
      const one = xxHash64(found);
      hash = hash === null ? one : combine(hash, one);
    }
    if (policy.terminal && hash !== null) break;
  }
  return hash;
}

function find(request: RequestState, policy: HashPolicy): string | null {
  const { head } = request;
  switch (policy.kind) {
    case 'header':
      return findHeader(head, policy.name, policy.rewrite);
    case 'query':
      return findQuery(head.path, policy.name);
    case 'source-ip': {
      // As trusted proxies before this one named it: behind a balancer all come from one address.
      const client = clientOf(request);
      const { remote } = request.owner;
      return remote.kind === 'ip' || client !== hostOf(remote) ? client : null;
    }
    case 'cookie':
      return findCookie(head, policy.name) ?? makeCookie(request, policy);
  }
}

/** Lines of one name in the order of their values, because no client promises the order of the lines. */
function findHeader(head: RequestHead, name: string, rewrite: TextRewrite | undefined): string | null {
  const values = valuesOf(head, name);
  const hashed = rewrite === undefined ? values : values.map((value) => rewrite.replaceAll(value));
  return hashed.length === 0 ? null : hashed.toSorted().join('');
}

function valuesOf(head: RequestHead, name: string): string[] {
  if (name === ':authority') return [head.authority];
  if (name === ':path') return [head.path];
  if (name === ':method') return [head.method];
  const values: string[] = [];
  for (let index = 0; index < head.count; index++)
    if (!head.isRemoved(index) && head.nameAt(index) === name) values.push(head.valueAt(index));
  return values;
}

function findQuery(path: string, name: string): string | null {
  const at = path.indexOf('?');
  if (at < 0) return null;
  for (const pair of path.slice(at + 1).split('&')) {
    const equals = pair.indexOf('=');
    if ((equals < 0 ? pair : pair.slice(0, equals)) === name) return equals < 0 ? '' : pair.slice(equals + 1);
  }
  return null;
}

/** Alike for all requests of a connection, so that those that race do not get different ones. */
function makeCookie(
  request: RequestState,
  { name, path, ttlSeconds }: Extract<HashPolicy, { kind: 'cookie' }>,
): string | null {
  if (ttlSeconds === null) return null;
  const { listener, owner } = request;
  const { high, low } = xxHash64(formatAddress(owner.remote) + formatAddress(listener.config.address));
  const value = high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
  request.setCookie = formatCookie({ name, path, ttlSeconds }, value);
  return value;
}

/** rotate(before, 1) ^ found. */
function combine(before: Hash64, found: Hash64): Hash64 {
  const high = ((before.high << 1) | (before.low >>> 31)) ^ found.high;
  const low = ((before.low << 1) | (before.high >>> 31)) ^ found.low;
  return { high: high >>> 0, low: low >>> 0 };
}
