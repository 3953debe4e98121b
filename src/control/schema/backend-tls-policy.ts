// BackendTLSPolicy (gateway.networking.k8s.io/v1): how a proxy speaks TLS to a Service's pods, and whom it takes for
// them.

import { z } from 'zod';
import { hostname, listOf, preciseHost, refGroup, refKind, refName, sectionName } from './values.ts';

const targetError = 'must be a list of 1 to 16 targets';

const target = z.strictObject({
  group: refGroup,
  kind: refKind,
  name: refName,
  sectionName: sectionName.optional(),
});

/** Whom it means, whatever else it says; of a section that is none the whole Service is meant. */
const readableTarget = z.object({
  group: refGroup,
  kind: refKind,
  name: refName,
  sectionName: sectionName.optional().catch(undefined),
});

/** As the CRD has it: a scheme, and something behind it. */
const spiffeOrUri = z
  .string()
  .max(253)
  .regex(/^(([^:/?#]+):)(\/\/([^/?#]*))([^?#]*)(\?([^#]*))?(#(.*))?/);

const subjectAltName = z
  .strictObject({
    type: z.enum(['Hostname', 'URI'], { error: 'must be Hostname or URI' }),
    hostname: z.union([hostname, z.literal('')], { error: 'must be a host name' }).optional(),
    uri: z.union([spiffeOrUri, z.literal('')], { error: 'must be a URI' }).optional(),
  })
  .superRefine(({ type, hostname, uri }, context) => {
    const tell = (field: string, message: string) =>
      context.addIssue({ code: 'custom', path: [field], message });
    if (type === 'Hostname' && !hostname) tell('hostname', 'must be there where type is Hostname');
    if (type === 'Hostname' && uri) tell('uri', 'must not be there where type is Hostname');
    if (type === 'URI' && !uri) tell('uri', 'must be there where type is URI');
    if (type === 'URI' && hostname) tell('hostname', 'must not be there where type is URI');
  });

const authority = z.strictObject({ group: refGroup, kind: refKind, name: refName });

const wellKnown =
  /^(System|([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]))$/;

/** BackendTLSPolicyValidation: whom a proxy takes for the pods, or for what is called. */
export const backendValidation = z
  .strictObject({
    caCertificateRefs: listOf(authority, 8),
    wellKnownCACertificates: z
      .string({ error: 'must be System' })
      .max(253, 'must be at most 253 characters')
      .regex(wellKnown, 'must be System, or a name of a domain')
      .optional(),
    hostname: preciseHost,
    subjectAltNames: listOf(subjectAltName, 5),
  })
  .superRefine(({ caCertificateRefs, wellKnownCACertificates }, context) => {
    const system = wellKnownCACertificates !== undefined && wellKnownCACertificates !== '';
    if (system === caCertificateRefs.length > 0)
      context.addIssue({
        code: 'custom',
        path: ['caCertificateRefs'],
        message: 'must be there, or wellKnownCACertificates, and not both',
      });
  });

export const backendTlsPolicySpec = z.strictObject({
  targetRefs: z
    .array(target, { error: targetError })
    .min(1, targetError)
    .max(16, targetError)
    .refine(
      (all) =>
        all.every(
          (one, index) =>
            !all.some(
              (other, at) =>
                at < index &&
                other.group === one.group &&
                other.kind === one.kind &&
                other.name === one.name &&
                (other.sectionName === one.sectionName || !other.sectionName || !one.sectionName),
            ),
        ),
      { error: 'must not have a target twice, but for its sections' },
    ),
  validation: backendValidation,
  options: z
    .record(z.string(), z.string().max(4096, 'must be at most 4096 characters'))
    .nullish()
    .transform((value) => value ?? {}),
});

export type BackendValidation = z.output<typeof backendValidation>;
export type BackendTlsPolicySpec = z.output<typeof backendTlsPolicySpec>;

/**
 * Of a policy that cannot be read as a whole: its targets are not spoken to at all, as they would be without TLS. Null:
 * not even these can be told.
 */
export function salvageBackendTlsPolicy(spec: unknown): BackendTlsPolicySpec | null {
  const given = (spec ?? {}) as { readonly targetRefs?: unknown };
  const targets = (Array.isArray(given.targetRefs) ? given.targetRefs : []).flatMap((one) => {
    const parsed = readableTarget.safeParse(one);
    return parsed.success ? [parsed.data] : [];
  });
  const validation = { caCertificateRefs: [], hostname: '', subjectAltNames: [] };
  return targets.length === 0 ? null : { targetRefs: targets, validation, options: {} };
}
