// The name that an endpoint's server is asked for, and has to prove, where the request says it (Envoy's auto_sni and
// auto_san_validation).

import { parseIp } from '../../base/index.ts';
import type { RequestHead } from '../../wire/index.ts';
import type { PeerNamesConfig } from '../config/types.ts';

/** Null: as the cluster's TLS says. */
export interface PeerWish {
  readonly serverName: string | null;
  readonly expected: string | null;
}

/** Null: the request says nothing that could be a name. */
export function peerWishOf(head: RequestHead, { asks, header, verifies }: PeerNamesConfig): PeerWish | null {
  const said = header === '' ? '' : (head.getName(header) ?? '');
  const name = hostOf(said === '' ? head.authority : said);
  if (name === '') return null;
  const address = parseIp(name) !== null;
  // RFC 6066 section 3: a literal address is no server name.
  return {
    serverName: asks && !address && name.length <= nameCharsMax ? name : null,
    expected: verifies ? name : null,
  };
}

/** RFC 1035 section 2.3.4. */
const nameCharsMax = 255;

function hostOf(authority: string): string {
  if (authority.startsWith('[')) return authority.slice(1, Math.max(authority.indexOf(']'), 1));
  const colon = authority.lastIndexOf(':');
  return colon < 0 || authority.indexOf(':') !== colon ? authority : authority.slice(0, colon);
}
