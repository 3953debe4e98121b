// What injection leaves to the CNI plugin: which ports of a pod are led through its proxy, as an annotation. The agent
// of the node reads it from the API server, where the pod's own containers cannot have changed it.

import { type CapturedPorts, parseCapturedPorts, parseInterfaces, parseRanges } from '../redirect.ts';

export const redirectAnnotation = 'weft.dev/redirect';

export interface RedirectNote {
  readonly outbound: CapturedPorts;
  readonly inbound: CapturedPorts;
  readonly skip: readonly number[];
  /** Destinations that are never captured. */
  readonly cidrs: readonly string[];
  readonly interfaces: readonly string[];
}

/** As `outbound=all;inbound=8080;skip=none`, with `;cidrs=10.0.0.0/8` and `;interfaces=net1` where there are some. */
export function encodeRedirectNote({ outbound, inbound, skip, cidrs, interfaces }: RedirectNote): string {
  const ports = `outbound=${encodePorts(outbound)};inbound=${encodePorts(inbound)};skip=${encodePorts(skip)}`;
  const more = (name: string, items: readonly string[]) =>
    items.length === 0 ? '' : `;${name}=${items.join(',')}`;
  return `${ports}${more('cidrs', cidrs)}${more('interfaces', interfaces)}`;
}

const notePattern =
  /^outbound=([^;]*);inbound=([^;]*);skip=([^;]*)(?:;cidrs=([^;]+))?(?:;interfaces=([^;]+))?$/;

/** null: it is no such text. Nothing is left out and nothing is said twice, for half of it would be the wrong rules. */
export function parseRedirectNote(text: string): RedirectNote | null {
  const found = notePattern.exec(text);
  if (found === null) return null;
  const [outbound, inbound, skip] = found.slice(1, 4).map((list) => parseCapturedPorts(list ?? ''));
  const [cidrs, interfaces] = [parseRanges(found[4] ?? ''), parseInterfaces(found[5] ?? '')];
  if (outbound == null || inbound == null || skip == null || skip === 'all') return null;
  return cidrs === null || interfaces === null ? null : { outbound, inbound, skip, cidrs, interfaces };
}

export function encodePorts(ports: CapturedPorts): string {
  return ports === 'all' ? 'all' : ports.join(',') || 'none';
}
