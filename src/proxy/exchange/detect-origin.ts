// Who the client of a request is, by the ways that a configuration gives (original_ip_detection_extensions).

import { type IpRange, parseIp, rangeHas } from '../../base/index.ts';
import { type Address, formatAddress } from '../../net/index.ts';
import type { RequestHead } from '../../wire/index.ts';
import type { OriginDetection } from '../config/types.ts';

export interface Detected {
  /** Null: it is the connection's other end. */
  readonly client: string | null;
  /** An internal address makes the request internal. */
  readonly trusted: boolean;
  /** Of the answer to a request whose client cannot be found out; 0: it goes on. */
  readonly rejectStatus: number;
  /** x-forwarded-for is to name the connection's other end too. */
  readonly appends: boolean;
}

export const nobody: Detected = { client: null, trusted: false, rejectStatus: 0, appends: false };

/** The first way that finds anybody. */
export function detect(head: RequestHead, detections: readonly OriginDetection[], remote: Address): Detected {
  let appends = false;
  for (const detection of detections) {
    if (detection.kind === 'forwarded-for') {
      const { hops, proxies } = detection;
      // As Envoy: what one way has appended is what the next one reads.
      const received = appends ? hostOf(remote) : head.getName('x-forwarded-for');
      const foreign = proxies !== null && !(remote.kind === 'ip' && isProxy(remote.host, proxies));
      appends ||= detection.appends || foreign;
      if (foreign) continue;
      const client = proxies === null ? hopOf(received, hops) : behindProxies(received, proxies);
      const trusted = received?.includes(',') === false;
      if (client !== null) return { client, trusted, rejectStatus: 0, appends };
      continue;
    }
    const { name, trusted, rejectStatus } = detection;
    const client = addressIn(head.getName(name));
    if (client !== null) return { client, trusted, rejectStatus: 0, appends };
    if (rejectStatus > 0) return { ...nobody, rejectStatus };
  }
  return appends ? { ...nobody, appends } : nobody;
}

/** As the proxy that many places before this one named it. */
export function hopOf(received: string | null, hops: number): string | null {
  return received === null || hops < 0 ? null : addressIn(received.split(',').at(-1 - hops) ?? null);
}

/** The last address that is none of the proxies, or the first of all; behind what is no address there is nobody. */
function behindProxies(received: string | null, proxies: readonly IpRange[]): string | null {
  let client: string | null = null;
  for (const text of received?.split(',').reverse() ?? []) {
    client = addressIn(text);
    if (client === null || !isProxy(client, proxies)) return client;
  }
  return client;
}

export function hostOf(remote: Address): string {
  return remote.kind === 'ip' ? remote.host : formatAddress(remote);
}

function isProxy(host: string, proxies: readonly IpRange[]): boolean {
  const address = parseIp(host);
  return address !== null && proxies.some((range) => rangeHas(range, address));
}

function addressIn(text: string | null): string | null {
  const named = text?.trim() ?? '';
  return parseIp(named) === null ? null : named;
}
