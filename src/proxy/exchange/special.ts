// What few listeners ask for (SpecialOptions), on the way of a request. Nothing here runs for the others.

import { fieldValueFault } from '../../policy/index.ts';
import { headerId, type RequestHead } from '../../wire/index.ts';
import type { SpecialOptions } from '../config/special-types.ts';
import type { RequestState } from './request-state.ts';

/** After forwarding fields were made true, so that they cannot be forged. */
export function markRequest(request: RequestState, special: SpecialOptions): void {
  const { head } = request;
  if (special.scheme !== null && special.scheme !== 'upstream') overwriteScheme(head, special.scheme);
  if (special.namesProxy) nameProxy(request);
}

/** Where the request leaves over a connection that is or is not TLS. */
export function markForward({ head }: RequestState, { scheme }: SpecialOptions, secure: boolean): void {
  if (scheme === 'upstream') head.scheme = secure ? 'https' : 'http';
}

function overwriteScheme(head: RequestHead, scheme: string): void {
  head.scheme = scheme;
  head.set(headerId['x-forwarded-proto'], scheme);
}

function nameProxy({ context, head }: RequestState): void {
  head.set(headerId['x-envoy-downstream-service-cluster'], context.serviceCluster);
  const { id } = context.node;
  if (id !== '' && fieldValueFault(id) === null) head.set(headerId['x-envoy-downstream-service-node'], id);
  if ((head.getName('user-agent') ?? '') === '') head.set(headerId['user-agent'], context.serviceCluster);
}
