// Whose virtual host a request gets: its authority's, or on a listener of captured connections that of the address to
// which its client was going, so that a Host field which names something else changes nothing (GAMMA,
// gateway-api.sigs.k8s.io/mesh/service-facets).

import { type Address, formatAddress } from '../../net/index.ts';
import { headerId } from '../../wire/index.ts';
import type { RequestState } from './request-state.ts';

/** The domain of what is none of the mesh's addresses (docs/xds.md); no name ends so (RFC 6761 section 6.4). */
const strangers = 'passthrough.invalid';

/** By what its virtual host is sought. */
export function askedHost(request: RequestState): string {
  const { head, listener, owner, redirects } = request;
  // Where an answer sent it says the answer.
  if (listener.config.byDestination !== true || owner.restored === null || redirects !== null)
    return head.authority;
  const address = textOf(owner.restored);
  return listener.routes.hasDomain(address) ? address : strangers;
}

/**
 * Tells the proxy of the Service that it is the one meant, where the authority would not. A route that leads elsewhere
 * says so itself, afterwards.
 */
export function nameDestination(request: RequestState): void {
  const { cluster, head, listener } = request;
  if (listener.config.byDestination !== true || cluster?.config.discovery !== 'eds') return;
  if (listener.routes.isSameHost(askedHost(request), head.authority)) return;
  head.set(headerId['x-weft-destination'], cluster.config.name);
}

/** A connection has one for all its requests. */
const texts = new WeakMap<Address, string>();

function textOf(address: Address): string {
  let text = texts.get(address);
  if (text === undefined) {
    text = formatAddress(address);
    texts.set(address, text);
  }
  return text;
}
