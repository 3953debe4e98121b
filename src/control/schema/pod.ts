// Pods, as far as the mesh asks who called: whose account they run under, and from which addresses.

import { z } from 'zod';
import { isIpv4, isIpv6, listOf } from './values.ts';

const address = z.object({
  ip: z.string().refine((text) => isIpv4(text) || isIpv6(text), { error: 'must be an IP address' }),
});

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');

const specSchema = z
  .object({ serviceAccountName: text, hostNetwork: z.boolean().nullish() })
  .nullish()
  .transform((spec) => spec ?? { serviceAccountName: '', hostNetwork: false });

const statusSchema = z
  .object({ phase: text, podIPs: listOf(address, 8) })
  .nullish()
  .transform((status) => status ?? { phase: '', podIPs: [] });

export interface PodSpec {
  /** `default` where nothing is said, as Kubernetes has it. */
  readonly serviceAccount: string;
  /**
   * Its own, and nobody else's: none of a pod in its node's network, nor of one that ended, whose addresses others may
   * have by now.
   */
  readonly addresses: readonly string[];
}

const ended: ReadonlySet<string> = new Set(['Succeeded', 'Failed']);

/** Of the fields beside `metadata`, which are read together. */
export const podFields = z.object({ spec: specSchema, status: statusSchema });

export function readPod({ spec, status }: z.output<typeof podFields>): PodSpec {
  const shared = spec.hostNetwork === true || ended.has(status.phase);
  return {
    serviceAccount: spec.serviceAccountName === '' ? 'default' : spec.serviceAccountName,
    addresses: shared ? [] : status.podIPs.map(({ ip }) => ip),
  };
}
