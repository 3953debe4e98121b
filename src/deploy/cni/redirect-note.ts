// What injection leaves to the CNI plugin: which ports of a pod are led through its proxy, as an annotation. The agent
// of the node reads it from the API server, where the pod's own containers cannot have changed it.

import { type CapturedPorts, parseCapturedPorts } from '../redirect.ts';

export const redirectAnnotation = 'weft.dev/redirect';

export interface RedirectNote {
  readonly outbound: CapturedPorts;
  readonly inbound: CapturedPorts;
  readonly skip: readonly number[];
}

/** As `outbound=all;inbound=8080;skip=none`. */
export function encodeRedirectNote({ outbound, inbound, skip }: RedirectNote): string {
  return `outbound=${encodePorts(outbound)};inbound=${encodePorts(inbound)};skip=${encodePorts(skip)}`;
}

/** null: it is no such text. Nothing is left out and nothing is said twice, for half of it would be the wrong rules. */
export function parseRedirectNote(text: string): RedirectNote | null {
  const [, ...lists] = /^outbound=([^;]*);inbound=([^;]*);skip=([^;]*)$/.exec(text) ?? [];
  const [outbound, inbound, skip] = lists.map(parseCapturedPorts);
  if (outbound == null || inbound == null || skip == null || skip === 'all') return null;
  return { outbound, inbound, skip };
}

export function encodePorts(ports: CapturedPorts): string {
  return ports === 'all' ? 'all' : ports.join(',') || 'none';
}
