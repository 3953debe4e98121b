// Pods, as far as the mesh asks who called: whose account they run under, and from which addresses; and as far as it
// tells its own proxies apart.

import { z } from 'zod';
import { isIpv4, isIpv6, listOf, metadataSchema } from './values.ts';

const address = z.object({
  ip: z.string().refine((text) => isIpv4(text) || isIpv6(text), { error: 'must be an IP address' }),
});

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');

const specSchema = z
  .object({ serviceAccountName: text, hostNetwork: z.boolean().nullish(), nodeName: text })
  .nullish()
  .transform((spec) => spec ?? { serviceAccountName: '', hostNetwork: false, nodeName: '' });

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
  /** Empty in files that do not say. */
  readonly uid: string;
  /** The node that it is on; empty: none yet. */
  readonly nodeName: string;
  readonly ended: boolean;
}

const ended: ReadonlySet<string> = new Set(['Succeeded', 'Failed']);

/** Of its metadata beside what every object has. */
export const podMetadata = metadataSchema.extend({ uid: text });

/** Of the fields beside `metadata`, which are read together. */
export const podFields = z.object({ spec: specSchema, status: statusSchema });

export function readPod({ spec, status }: z.output<typeof podFields>, uid: string): PodSpec {
  const isEnded = ended.has(status.phase);
  const shared = spec.hostNetwork === true || isEnded;
  return {
    serviceAccount: spec.serviceAccountName === '' ? 'default' : spec.serviceAccountName,
    addresses: shared ? [] : status.podIPs.map(({ ip }) => ip),
    uid,
    nodeName: spec.nodeName,
    ended: isEnded,
  };
}
