// The PROXY header that a connection to an endpoint begins with: whose it is, as the client's connection has it. Our
// own connections (health checks, calls of filters) say that they are nobody's.

import type { Address } from '../../net/index.ts';
import { encodeProxyHeader, encodeProxyLine, type Tlv } from '../../wire/proxy-protocol/index.ts';
import type { ProxyHeaderConfig } from '../config/types.ts';

/** A client's connection, as endpoints behind a PROXY header are told of it. */
export interface ClientEnds {
  readonly id: number;
  /** It is closed: nothing of it comes any more. */
  readonly closed: boolean;
  readonly remote: Address;
  readonly local: Address;
  /** What its own PROXY header had beyond its ends. */
  readonly tlvs: readonly Tlv[];
}

export function encodePreface({ version, tlvs }: ProxyHeaderConfig, client: ClientEnds | null): Uint8Array {
  const ends = client === null ? null : { source: client.remote, destination: client.local };
  if (version === 1) return Buffer.from(encodeProxyLine(ends), 'latin1');
  const passed = (client?.tlvs ?? []).filter(({ type }) => tlvs === 'all' || tlvs.includes(type));
  // Too many to fit: its ends matter more than what else was said of it.
  return encodeProxyHeader(ends, passed) ?? encodeProxyHeader(ends) ?? new Uint8Array(0);
}
