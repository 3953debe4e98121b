// Host names with and without wildcards, as Gateway API compares them.

/**
 * Of each host name of a route the one that the listener speaks of too, behind what was written; `*` stands for any.
 */
export function intersectHosts(
  listener: string,
  hostnames: readonly string[],
): readonly (readonly [written: string, common: string])[] {
  const common: (readonly [string, string])[] = [];
  for (const hostname of hostnames.length === 0 ? ['*'] : hostnames) {
    if (covers(listener, hostname)) common.push([hostname, hostname]);
    else if (covers(hostname, listener)) common.push([hostname, listener]);
  }
  return common;
}

export function covers(wide: string, narrow: string): boolean {
  if (wide === narrow || wide === '*') return true;
  return wide.startsWith('*.') && narrow.endsWith(wide.slice(1)) && narrow.length > wide.length - 1;
}

/** All that cover `host`, itself first: as many as it has labels, of however many there are. */
export function* widerThan(host: string): Generator<string> {
  yield host;
  for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1)) {
    const wide = `*${host.slice(dot)}`;
    if (wide !== host) yield wide;
  }
  if (host !== '*') yield '*';
}

/** Characters of a host name without a wildcard, then of any (Gateway API, HTTPRouteSpec.hostnames). */
export function compareExactness(a: string, b: string): number {
  const precise = (host: string): number => (host.startsWith('*') ? 0 : host.length);
  const length = (host: string): number => (host === '*' ? 0 : host.length);
  return precise(b) - precise(a) || length(b) - length(a);
}
