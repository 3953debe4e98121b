// Whether an endpoint may be picked at all.

import type { EndpointLoad } from './types.ts';

export function isUsable(endpoint: EndpointLoad, nowMs: number): boolean {
  return endpoint.healthy && endpoint.ejectedUntilMs <= nowMs;
}
