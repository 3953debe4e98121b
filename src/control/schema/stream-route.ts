// Routes whose bytes nobody here reads: TLSRoute (by the name a client asks for), TCPRoute (by the listener alone); and
// UDPRoute, which is read to say that it cannot be done.

import { z } from 'zod';
import { backendObject, parentRefs } from './parent-ref.ts';
import { hostname, integer, listOf, notYet, sectionName } from './values.ts';

const backend = z.strictObject({ ...backendObject, weight: integer(0, 1_000_000).default(1) });

const backendsError = 'must be a list of 1 to 16 backends';

const rule = z.strictObject({
  name: sectionName.optional(),
  backendRefs: z.array(backend, { error: backendsError }).min(1, backendsError).max(16, backendsError),
});

const ruleError = 'must be a list of one rule';
const rules = z.array(rule, { error: ruleError }).length(1, ruleError);

const namesError = 'must be a list of host names';

/** An address would be taken for a name of digits. */
const serverName = hostname.refine((name) => !/^\d+(\.\d+){3}$/.test(name), {
  error: 'must not be an address',
});

export const tlsRouteSpec = z.strictObject({
  parentRefs,
  hostnames: z
    .array(serverName, { error: namesError })
    .min(1, namesError)
    .max(1024, 'must have at most 1024 host names'),
  rules,
  useDefaultGateways: notYet,
});

export const tcpRouteSpec = z.strictObject({ parentRefs, rules, useDefaultGateways: notYet });

/** Of a UDPRoute nothing but its parents matters here. */
export const udpRouteSpec = z.object({ parentRefs, rules: listOf(z.unknown(), 16) });

export type TlsRouteSpec = z.output<typeof tlsRouteSpec>;
export type TcpRouteSpec = z.output<typeof tcpRouteSpec>;
export type UdpRouteSpec = z.output<typeof udpRouteSpec>;
export type StreamBackendRef = z.output<typeof backend>;
