// Values that several kinds share: durations, names, ports, weights, header edits. Every rule is a sentence a user can
// act on.

import { z } from 'zod';
import { durationPattern, formatGatewayDuration, sumDuration } from '../../xds/index.ts';

export { sumDuration as durationMs } from '../../xds/index.ts';

/** A Gateway API duration (GEP-2257) of `minMs` to `maxMs`. */
export function duration(minMs: number, maxMs: number): z.ZodString {
  return z
    .string({ error: 'must be a duration such as 10s or 250ms' })
    .regex(durationPattern, 'must be a duration such as 10s or 250ms')
    .refine((text) => sumDuration(text) >= minMs && sumDuration(text) <= maxMs, {
      error: `must be ${formatGatewayDuration(minMs)} to ${formatGatewayDuration(maxMs)}`,
    })
    .meta({ minMs, maxMs });
}

/** Any Gateway API duration up to a day; 0s switches off what it bounds. */
export const timeout: z.ZodString = duration(0, 86_400_000);

/** As {@link duration}, in whole days too, for windows of error budgets. */
export const longDuration: z.ZodString = z
  .string({ error: 'must be a duration such as 30d or 12h' })
  .max(28, 'must be a duration such as 30d or 12h')
  .regex(/^([0-9]{1,5}(d|h|m|s|ms)){1,4}$/, 'must be a duration such as 30d or 12h')
  .refine((text) => sumDuration(text) >= 60_000, { error: 'must be 1m or more' });

export function integer(min: number, max: number): z.ZodNumber {
  const error = `must be a whole number of ${min} to ${max}`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}

export const portNumber: z.ZodNumber = integer(1, 65_535);

/** DNS-1123 subdomain (RFC 1123), as Kubernetes names most things. */
export const objectName: z.ZodString = z
  .string({ error: 'must be a name' })
  .max(253, 'must be at most 253 characters')
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be a lower-case name of letters, digits, - and .');

/** RFC 1123 label: a name that is one part of a DNS name. */
export const dnsLabel: z.ZodString = z
  .string({ error: 'must be a name' })
  .max(63, 'must be at most 63 characters')
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be a DNS label of lower-case letters, digits and -');

/** Group of something that is referred to; empty: the core group. */
export const refGroup: z.ZodString = z
  .string({ error: 'must be an API group' })
  .max(253, 'must be at most 253 characters')
  .regex(/^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, 'must be an API group');

export const refKind: z.ZodString = z
  .string({ error: 'must be a kind' })
  .max(63, 'must be at most 63 characters')
  .regex(/^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/, 'must be a kind, such as Service');

/** Of what kind it is, and so how such are named, is known to whoever resolves it. */
export const refName: z.ZodString = z
  .string({ error: 'must be a name' })
  .min(1, 'must be a name')
  .max(253, 'must be at most 253 characters');

/** A part of an object that others refer to: a listener, a rule, a port. */
export const sectionName: z.ZodString = z
  .string({ error: 'must be a name' })
  .max(253, 'must be at most 253 characters')
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    'must be a lower-case name of letters, digits, - and .',
  );

/** RFC 9110 token, in the case it was written. */
export const headerName: z.ZodString = z
  .string({ error: 'must be a header name' })
  .max(256, 'must be at most 256 characters')
  .regex(/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/, 'must be a header name');

/** Visible ASCII, spaces and tabs: anything else could split a message. */
export const headerValue: z.ZodString = z
  .string({ error: 'must be a header value' })
  .min(1, 'must not be empty')
  .max(4096, 'must be at most 4096 characters')
  .regex(/^[\t\x20-\x7e]*$/, { error: 'must be printable ASCII', abort: true })
  .regex(/^[!-~]+([\t ][!-~]+)*$/, 'must begin and end with a visible character, single spaces between');

/** A host name, with `*.` before it where wildcards are allowed. */
export const hostname: z.ZodString = z
  .string({ error: 'must be a host name' })
  .max(253, 'must be at most 253 characters')
  .regex(
    /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    'must be a host name in lower case',
  );

/** A host name without a wildcard: a place to go to. */
export const preciseHost: z.ZodString = hostname.regex(/^[^*]/, 'must not have a wildcard');

/** Names and addresses of the loopback interface, on which a proxy's admin interface listens. */
export const ownHost = /^(?:(?:.+\.)?localhost\.?|127\..*|0\.0\.0\.0|::1?)$/i;

/** An address is no name: it would be gone to, whoever's it is. The caller's own host is told of apart. */
export const noAddress = (text: string): boolean => ownHost.test(text) || !(isIpv4(text) || isIpv6(text));

export const statusCode: z.ZodNumber = integer(100, 599);

/** Of labels, annotations and selectors. */
export const labels = z
  .record(z.string(), z.string({ error: 'must be text (quote numbers and true or false)' }))
  .nullish()
  .transform((value) => value ?? {});

/** In its canonical form, as the API server wants it: what one reader takes for octal, another does not. */
export function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

/** RFC 4291 2.2, without a zone. */
export function isIpv6(text: string): boolean {
  const tail = text.slice(text.lastIndexOf(':') + 1);
  const embedded = tail.includes('.');
  if (embedded && !isIpv4(tail)) return false;
  const groups = embedded ? `${text.slice(0, -tail.length)}0:0` : text;
  const halves = groups.split('::');
  if (halves.length > 2) return false;
  const parts = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  return (
    parts.every((part) => /^[0-9a-fA-F]{1,4}$/.test(part)) &&
    (halves.length === 2 ? parts.length < 8 : parts.length === 8)
  );
}

export const metadataSchema = z.object({
  name: objectName,
  namespace: dnsLabel.default('default'),
  /** Of the specification, counted by the API server; 0 in files. */
  generation: z.number().default(0),
  labels,
  annotations: labels,
  /** RFC 3339; empty where a file says nothing: such objects count as of one age, and their names decide. */
  creationTimestamp: z
    .string()
    .nullish()
    .transform((value) => value ?? ''),
});
export type Metadata = z.output<typeof metadataSchema>;

/** An API server has it, which says when it was made. */
export function isOfServer({ creationTimestamp }: Metadata): boolean {
  return creationTimestamp !== '';
}

/** Kubernetes writes absent lists as null in places. */
export function listOf<T extends z.ZodType>(item: T, max: number) {
  return z
    .array(item, { error: 'must be a list' })
    .max(max, { error: `must have at most ${max} items` })
    .nullish()
    .transform((value) => value ?? []);
}

export type PartFaults = readonly z.core.$ZodIssue[];

/**
 * One item of a list that stands or falls alone. What breaks its schema becomes `fallback` of it, beside what is wrong
 * with it, so that the other items hold as they are written.
 */
export function partOf<S extends z.ZodType>(schema: S, fallback: (value: unknown) => z.output<S>) {
  return z.unknown().transform((value): z.output<S> & { readonly faults: PartFaults } => {
    const parsed = schema.safeParse(value);
    if (parsed.success) return Object.assign({ faults: [] }, parsed.data);
    return Object.assign({ faults: parsed.error.issues }, fallback(value));
  });
}

/**
 * A field that exists and means something, which this version cannot do: refused, because ignoring it would be a lie.
 */
export const notYet = z.never({ error: 'is not supported yet by this version' }).optional();
