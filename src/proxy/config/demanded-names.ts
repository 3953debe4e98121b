// What things that requests ask for are called by.

import { demandLimits as limits } from './limits.ts';

/** `TABLE/HOST`: a host has no slash, a table's name may have some. */
export function tableOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')));
}

/**
 * The virtual host of an authority in a table; null for what cannot be a host and a port (RFC 3986 section 3.2) in a
 * name that a control plane takes.
 */
export function hostNameIn(table: string, authority: string): string | null {
  const host = authority.toLowerCase();
  const askable = host.length > 0 && host.length <= limits.hostCharsMax && /^[!-.0-~]+$/.test(host);
  return askable ? `${table}/${host}` : null;
}

/** Of a cluster, as a header may say it. */
export function isClusterName(name: string): boolean {
  return name.length > 0 && name.length <= limits.clusterCharsMax;
}
