// The parts of Service (v1) and EndpointSlice (discovery.k8s.io/v1) that the mesh uses. What else these kinds hold is
// Kubernetes' own business.

import { z } from 'zod';
import { integer, isIpv4, isIpv6, labels, listOf, noAddress, ownHost, portNumber } from './values.ts';

const servicePort = z.object({
  name: z.string().default(''),
  port: portNumber,
  protocol: z.string().default('TCP'),
  appProtocol: z
    .string()
    .nullish()
    .transform((value) => value ?? ''),
  targetPort: z
    .union([portNumber, z.string().min(1)], { error: 'must be a port number or a name' })
    .optional(),
});

export const serviceSpec = z.object({
  type: z
    .enum(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'], {
      error: 'must be ClusterIP, NodePort, LoadBalancer or ExternalName',
    })
    .default('ClusterIP'),
  /** Of ExternalName: what its name stands for. */
  externalName: z
    .string()
    .default('')
    .refine((name) => !ownHost.test(name), {
      error: 'must not be the host of whoever calls: its admin interface is there',
    })
    .refine(noAddress, { error: 'must be a name, not an address' }),
  /** `None`: headless. */
  clusterIP: z.string().default(''),
  /** One of each family; absent: the one above. */
  clusterIPs: listOf(z.string(), 2),
  ipFamilies: listOf(z.enum(['IPv4', 'IPv6'], { error: 'must be IPv4 or IPv6' }), 2),
  selector: labels,
  ports: listOf(servicePort, 100).superRefine((ports, context) => {
    for (const [path, message] of portFaults(ports)) context.addIssue({ code: 'custom', path, message });
  }),
  publishNotReadyAddresses: z.boolean().default(false),
  /**
   * A hint that an implementation which does not know it leaves alone, says Kubernetes; so it never costs the Service.
   */
  trafficDistribution: z.string().default(''),
  internalTrafficPolicy: z
    .enum(['Cluster', 'Local'], { error: 'must be Cluster or Local' })
    .default('Cluster'),
  sessionAffinity: z.enum(['None', 'ClientIP'], { error: 'must be None or ClientIP' }).default('None'),
  /** For how long a client has its endpoint; here it has it as long as that is there. */
  sessionAffinityConfig: z
    .object({ clientIP: z.object({ timeoutSeconds: integer(1, 86_400).nullish() }).nullish() })
    .nullish(),
});

/** As the API server has it: of two ports with one number the mesh could not tell which is meant. */
function* portFaults(
  ports: readonly z.output<typeof servicePort>[],
): Generator<[(string | number)[], string]> {
  const seen = new Set<string>();
  for (const [index, { name, port, protocol }] of ports.entries()) {
    if (seen.has(`${protocol} ${port}`)) yield [[index, 'port'], 'must not be there twice'];
    if (seen.has(name)) yield [[index, 'name'], 'must not be there twice'];
    seen.add(`${protocol} ${port}`).add(name);
  }
}

const flag = z.boolean().nullish();
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');

/** What most endpoints say, of which there are a hundred thousand: one object each. */
const noHints: Record<'forZones' | 'forNodes', { name: string }[]> = { forZones: [], forNodes: [] };
const conditionsSaid = new Map<string, Conditions>();

interface Conditions {
  readonly ready?: boolean | null | undefined;
  readonly serving?: boolean | null | undefined;
  readonly terminating?: boolean | null | undefined;
}

/** The same object for the same words: there are 64 of them. */
function shareConditions(said: Conditions): Conditions {
  const words = `${said.ready} ${said.serving} ${said.terminating}`;
  const known = conditionsSaid.get(words);
  if (known === undefined) conditionsSaid.set(words, said);
  return known ?? said;
}

const hinted = listOf(z.object({ name: z.string() }), 8);

export const endpointSliceSchema = z.object({
  addressType: z.enum(['IPv4', 'IPv6'], {
    error: 'must be IPv4 or IPv6 (a slice of names has no defined meaning)',
  }),
  endpoints: listOf(
    z.object({
      addresses: z
        .array(
          z.string().refine((text) => isIpv4(text) || isIpv6(text), { error: 'must be an IP address' }),
          { error: 'must be a list of 1 to 100 addresses' },
        )
        .min(1, 'must be a list of 1 to 100 addresses')
        .max(100, 'must be a list of 1 to 100 addresses'),
      conditions: z
        .object({ ready: flag, serving: flag, terminating: flag })
        .nullish()
        .transform((value) => shareConditions(value ?? {})),
      nodeName: text,
      zone: text,
      hostname: text,
      hints: z
        .object({ forZones: hinted, forNodes: hinted })
        .nullish()
        .transform((value) => value ?? noHints),
      targetRef: z.object({ name: z.string().optional() }).nullish(),
    }),
    1000,
  ),
  ports: listOf(
    z.object({
      name: text,
      port: integer(1, 65_535).nullish(),
      protocol: z.string().default('TCP'),
    }),
    100,
  ),
});

export type ServiceSpec = z.output<typeof serviceSpec>;
export type EndpointSliceData = z.output<typeof endpointSliceSchema>;
