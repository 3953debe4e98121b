// Where a request comes from, and what its sender may therefore say: forwarding fields by Envoy's rules ("HTTP header
// sanitizing", "x-forwarded-for"), checked field by field against Envoy 1.40. Happens before the match, so that no
// route believes a forged field.

import { parseIp, rangeHas } from '../../base/index.ts';
import type { Address } from '../../net/index.ts';
import type { ConnectionFacts } from '../../observe/index.ts';
import { type HeaderName, headerId, type RequestHead } from '../../wire/index.ts';
import type { HttpOptions } from '../config/types.ts';
import { type Detected, hopOf, hostOf, nobody } from './detect-origin.ts';
import type { RequestState } from './request-state.ts';

/**
 * Whom to believe: `internal` is inside by address, `external` is not, `edge` is external and this is the first proxy
 * it meets.
 */
export type RequestOrigin = 'internal' | 'external' | 'edge';

/** An outsider at an edge must not name itself, its node, its original target, or the Service that a route chose. */
const edgeNames: readonly HeaderName[] = [
  'x-envoy-decorator-operation',
  'x-envoy-downstream-service-cluster',
  'x-envoy-downstream-service-node',
  'x-envoy-original-path',
  'x-envoy-original-host',
  'x-weft-destination',
];

/** Nor may anybody external say how the mesh treats its request. */
const externalNames: readonly HeaderName[] = [
  'x-envoy-original-url',
  'x-envoy-force-trace',
  'x-envoy-ip-tags',
];

/**
 * For the router alone, which has read what an internal caller wishes (caller-wishes.ts); nobody else is believed.
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

/**
 * Cleans the head of what its sender must not say and completes the forwarding fields. `detected`: the client, where it
 * is found out otherwise than by x-forwarded-for; null: it is not.
 */
export function sanitizeRequest(
  head: RequestHead,
  { remote, local, secure }: Pick<ConnectionFacts, 'remote' | 'local' | 'secure'>,
  http: HttpOptions,
  detected: Detected | null,
): RequestOrigin {
  const received = head.getName('x-forwarded-for');
  const { appends, client, trusted } = detected ?? byForwarded(received, http);
  const internal = trusted && isInternal(client, remote, http);
  const origin = internal ? 'internal' : http.useRemoteAddress ? 'edge' : 'external';
  for (const id of strippedIds[origin]) if (head.find(id) >= 0) head.remove(id);
  if (internal) head.set(headerId['x-envoy-internal'], 'true');
  if (http.useRemoteAddress || appends) setForwarded(head, remote, received, http);
  if (origin === 'edge') head.set(headerId['x-envoy-external-address'], client ?? hostOf(remote));
  setProtocol(head, secure !== null, http);
  if (http.forwardedPort) setPort(head, local, http);
  return origin;
}

/** The client's address, after the head was completed: as trusted proxies before this one named it, else the peer's. */
export function clientOf(request: RequestState): string {
  const { head, listener, owner } = request;
  const { http } = listener;
  if (request.detected !== null) return request.detected.client ?? hostOf(owner.remote);
  let received = head.getName('x-forwarded-for');
  if (http.useRemoteAddress && !http.skipForwardedFor && received !== null) {
    const last = received.lastIndexOf(',');
    received = last < 0 ? null : received.slice(0, last);
  }
  return findNamed(received, http) ?? hostOf(owner.remote);
}

function byForwarded(received: string | null, http: HttpOptions): Detected {
  const client = findNamed(received, http);
  // A chain of several was written by several, and one that holds no address by nobody.
  const trusted = http.useRemoteAddress
    ? received === null
    : client !== null && received?.includes(',') === false;
  if (client === null) return trusted ? alone : nobody;
  return { client, trusted, rejectStatus: 0, appends: false };
}

/** The connection's other end, and it may be believed. */
const alone: Detected = { client: null, trusted: true, rejectStatus: 0, appends: false };

/** The client as the proxies before this one named it, as many hops back as are trusted. */
function findNamed(received: string | null, http: HttpOptions): string | null {
  return hopOf(received, http.useRemoteAddress ? http.trustedHops - 1 : http.trustedHops);
}

function isInternal(
  client: string | null,
  remote: Address,
  { internalRanges, internalSockets }: HttpOptions,
): boolean {
  if (client === null && remote.kind === 'unix') return internalSockets;
  if (internalRanges === null) return false;
  const address = parseIp(client ?? hostOf(remote));
  return address !== null && internalRanges.some((range) => rangeHas(range, address));
}

function setForwarded(head: RequestHead, remote: Address, received: string | null, http: HttpOptions): void {
  if (http.skipForwardedFor) return;
  const mapped = http.special?.mappedAddress === true && remote.kind === 'ip' && !remote.host.includes(':');
  const host = mapped ? `::ffff:${hostOf(remote)}` : hostOf(remote);
  const chain = received === null || received === '' ? host : `${received},${host}`;
  head.set(headerId['x-forwarded-for'], chain);
}

/** A received one is kept where a proxy before this one is trusted to have said it. */
function setProtocol(head: RequestHead, secure: boolean, http: HttpOptions): void {
  const received = head.find(headerId['x-forwarded-proto']) >= 0;
  if (received && (!http.useRemoteAddress || http.trustedHops > 0)) return;
  head.set(headerId['x-forwarded-proto'], secure ? 'https' : 'http');
}

/** As the scheme: a received one stands where proxies before this one are trusted. */
function setPort(head: RequestHead, local: Address, http: HttpOptions): void {
  if (local.kind !== 'ip') return;
  const received = head.findName('x-forwarded-port') >= 0;
  if (received && (!http.useRemoteAddress || http.trustedHops > 0)) return;
  if (received) head.removeName('x-forwarded-port');
  head.add('x-forwarded-port', `${local.port}`);
}
