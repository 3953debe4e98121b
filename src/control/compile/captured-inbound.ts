// The inbound listener of a sidecar to which all connections to its pod are led: HTTP at the application's own ports is
// read and judged request by request, everything else is carried to where it was going. A fence holds for both: bytes
// are judged by their caller alone (docs/decisions/0029-all-that-comes-in.md).

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Filter,
  FilterChainSchema,
  type Listener,
  ListenerSchema,
  TrafficDirection,
} from '../../xds/api.ts';
import type { AccessModel } from '../model/types.ts';
import { compileBytesAccess } from './access.ts';
import { carry, httpAt, lookAt } from './captured-filters.ts';
import type { InboundPort } from './inbound-ports.ts';
import { addressesOf, compileManager } from './listener.ts';
import { weftMetadata } from './messages.ts';
import type { Bind } from './scope.ts';

/** Ports of one application that have chains of their own; fenced ones go first. */
export const inboundPortsMax = 128;

/** Goes where its callers were going: a port of the pod itself. */
export const inboundPassthrough = 'inbound:passthrough';

export interface CapturedInboundInput {
  readonly bind: Bind;
  /** Its network has IPv6. */
  readonly ipv6: boolean;
  /** A route of it leads to what not everybody may call. */
  readonly fenced: boolean;
  readonly ports: readonly InboundPort[];
}

/** Those with chains, and whether a fence is among those without. */
function choosePorts(all: readonly InboundPort[], own: number) {
  const rankOf = ({ access, http }: InboundPort) => (access !== null ? 0 : http ? 1 : 2);
  const ranked = all
    .filter(({ port }) => port !== own)
    .toSorted((a, b) => rankOf(a) - rankOf(b) || a.port - b.port);
  const left = ranked.slice(inboundPortsMax);
  return { chosen: ranked.slice(0, inboundPortsMax), left };
}

/** What of it is left out, as sentences. */
export function tellInbound(ports: readonly InboundPort[], own: number): readonly string[] {
  const { left } = choosePorts(ports, own);
  if (left.length === 0) return [];
  const closed = left.some(({ access }) => access !== null);
  const fate = closed
    ? 'are refused, with all that no Service names, as fenced ones are among them'
    : 'are carried as bytes';
  return [`${left.length} ports of the application beyond ${inboundPortsMax} ${fate}`];
}

export function compileCapturedInbound({ bind, ipv6, fenced, ports }: CapturedInboundInput): Listener {
  const name = 'inbound';
  const filters = [compileManager({ name, direction: 'inbound', cors: false, fenced })];
  const { chosen, left } = choosePorts(ports, bind.port);
  const http = chosen.filter((one) => one.http).map(({ port }) => port);
  return create(ListenerSchema, {
    name,
    ...addressesOf(bind, ipv6),
    trafficDirection: TrafficDirection.INBOUND,
    ...lookAt({ at: http }),
    filterChains: [
      // Who calls the listener itself, as other proxies do.
      { name: 'called', filterChainMatch: { destinationPort: bind.port }, filters },
      ...http.map((port) => ({ name: `http:${port}`, filterChainMatch: httpAt(port), filters })),
      ...chosen.map(compileBytes),
    ],
    defaultFilterChain: create(FilterChainSchema, {
      name: 'passthrough',
      filters: carryInbound(inboundPassthrough, left.some(({ access }) => access !== null) ? closed : null),
    }),
    metadata: weftMetadata({ direction: 'inbound' }),
  });
}

export const bytesChain = (applicationPort: number) => `bytes:${applicationPort}`;

/** Nobody passes. */
const closed: AccessModel = { enforced: [], audited: null };

/** Also of a port that is read, for what turns out to be no HTTP, or says nothing at first. */
function compileBytes({ port, access }: InboundPort): MessageInitShape<typeof FilterChainSchema> {
  return {
    name: bytesChain(port),
    filterChainMatch: { destinationPort: port },
    filters: carryInbound(`inbound:${port}`, access),
  };
}

function carryInbound(statPrefix: string, access: AccessModel | null): Filter[] {
  return [
    ...(access === null ? [] : [compileBytesAccess(access, statPrefix)]),
    carry(inboundPassthrough, { statPrefix, fenced: access !== null }),
  ];
}
