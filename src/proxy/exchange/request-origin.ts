// Where a request comes from, and what its sender may therefore say: forwarding fields by Envoy's rules ("HTTP header
// sanitizing", "x-forwarded-for"), checked field by field against Envoy 1.40. Happens before the match, so that no
// route believes a forged field.

import { type IpRange, parseIp, rangeHas } from '../../base/index.ts';
import { type Address, formatAddress } from '../../net/index.ts';
import { type HeaderName, headerId, type RequestHead } from '../../wire/index.ts';
import type { HttpOptions } from '../config/types.ts';
import type { RequestState } from './request-state.ts';

/**
 * Whom to believe: `internal` is inside by address, `external` is not, `edge` is external and this is the first proxy
 * it meets.
 */
export type RequestOrigin = 'internal' | 'external' | 'edge';

/** An outsider at an edge must not name itself, its node or its original target. */
const edgeNames: readonly HeaderName[] = [
  'x-envoy-decorator-operation',
  'x-envoy-downstream-service-cluster',
  'x-envoy-downstream-service-node',
  'x-envoy-original-path',
  'x-envoy-original-host',
];

/** Nor may anybody external say how the mesh treats its request. */
const externalNames: readonly HeaderName[] = [
  'x-envoy-original-url',
  'x-envoy-force-trace',
  'x-envoy-ip-tags',
];

/**
 * Believed from nobody: Envoy's router takes these from internal callers and removes them; here policies decide alone.
 * The expected timeout is what a proxy says to the next, x-envoy-internal what this one found out.
 */
const consumedNames: readonly HeaderName[] = [
  'x-envoy-internal',
  'x-envoy-retry-on',
  'x-envoy-retry-grpc-on',
  'x-envoy-max-retries',
  'x-envoy-retriable-status-codes',
  'x-envoy-retriable-header-names',
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-upstream-alt-stat-name',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-upstream-rq-timeout-alt-response',
  'x-envoy-expected-rq-timeout-ms',
  // Nobody but a callee's proxy may speak of refusals, and only in responses.
  'x-weft-refused',
  'x-weft-gave-up',
];

/** What is removed of a request of that origin; a table, so that each name has its test. */
export const strippedNames: Readonly<Record<RequestOrigin, readonly HeaderName[]>> = {
  internal: consumedNames,
  external: [...consumedNames, ...externalNames],
  edge: [...consumedNames, ...externalNames, ...edgeNames],
};

const strippedIds: Readonly<Record<RequestOrigin, readonly number[]>> = {
  internal: strippedNames.internal.map((name) => headerId[name]),
  external: strippedNames.external.map((name) => headerId[name]),
  edge: strippedNames.edge.map((name) => headerId[name]),
};

/** Cleans the head of what its sender must not say and completes the forwarding fields. */
export function sanitizeRequest(
  head: RequestHead,
  remote: Address,
  secure: boolean,
  http: HttpOptions,
): RequestOrigin {
  const received = head.getName('x-forwarded-for');
  const named = findNamed(received, http);
  const client = named ?? hostOf(remote);
  // A chain of several was written by several, and one that holds no address by nobody.
  const single = http.useRemoteAddress
    ? received === null
    : named !== null && received?.includes(',') === false;
  const internal = single && http.internalRanges !== null && isInternal(client, http.internalRanges);
  const origin = internal ? 'internal' : http.useRemoteAddress ? 'edge' : 'external';
  for (const id of strippedIds[origin]) if (head.find(id) >= 0) head.remove(id);
  if (internal) head.add('x-envoy-internal', 'true');
  if (http.useRemoteAddress) setForwarded(head, remote, received, http);
  if (origin === 'edge') {
    if (head.find(headerId['x-envoy-external-address']) >= 0)
      head.remove(headerId['x-envoy-external-address']);
    head.add('x-envoy-external-address', client);
  }
  setProtocol(head, secure, http);
  return origin;
}

/** The client's address, after the head was completed: as trusted proxies before this one named it, else the peer's. */
export function clientOf({ head, listener, owner }: RequestState): string {
  const { http } = listener;
  let received = head.getName('x-forwarded-for');
  if (http.useRemoteAddress && !http.skipForwardedFor && received !== null) {
    const last = received.lastIndexOf(',');
    received = last < 0 ? null : received.slice(0, last);
  }
  return findNamed(received, http) ?? hostOf(owner.remote);
}

/** The client as the proxies before this one named it, as many hops back as are trusted. */
function findNamed(received: string | null, http: HttpOptions): string | null {
  const hops = http.useRemoteAddress ? http.trustedHops - 1 : http.trustedHops;
  if (received === null || hops < 0) return null;
  const named = received
    .split(',')
    .at(-1 - hops)
    ?.trim();
  return named !== undefined && parseIp(named) !== null ? named : null;
}

function hostOf(remote: Address): string {
  return remote.kind === 'ip' ? remote.host : formatAddress(remote);
}

function isInternal(client: string, ranges: readonly IpRange[]): boolean {
  const address = parseIp(client);
  return address !== null && ranges.some((range) => rangeHas(range, address));
}

function setForwarded(head: RequestHead, remote: Address, received: string | null, http: HttpOptions): void {
  if (http.skipForwardedFor) return;
  const host = hostOf(remote);
  if (received !== null) head.remove(headerId['x-forwarded-for']);
  head.add('x-forwarded-for', received === null || received === '' ? host : `${received},${host}`);
}

/** A received one is kept where a proxy before this one is trusted to have said it. */
function setProtocol(head: RequestHead, secure: boolean, http: HttpOptions): void {
  const received = head.find(headerId['x-forwarded-proto']) >= 0;
  if (received && (!http.useRemoteAddress || http.trustedHops > 0)) return;
  if (received) head.remove(headerId['x-forwarded-proto']);
  head.add('x-forwarded-proto', secure ? 'https' : 'http');
}
