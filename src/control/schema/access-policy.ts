// AccessPolicy (weft.dev/v1alpha1): who may call a Service, on which of its ports, with which methods and paths. A
// Service that any policy names refuses everybody else. The one source of its fields and rules.

import { z } from 'zod';
import { cidrError, isCidr, isStrictlyWithin } from './cidr.ts';
import { dnsLabel, integer, objectName, partOf, sectionName } from './values.ts';

/** Not `listOf`: an API server's schemas know no null beside a list. */
function list<T extends z.ZodType>(item: T, max: number) {
  return z
    .array(item, { error: 'must be a list' })
    .max(max, { error: `must have at most ${max} items` })
    .default([]);
}

const targetError = 'must be a list of 1 to 16 Services';

const targetRef = z.strictObject({
  group: z.literal('', { error: 'must be "", the group of Service' }),
  kind: z.literal('Service', { error: 'must be Service' }),
  name: objectName.describe('A Service in the namespace of the policy.'),
});

const targetRefs = z.array(targetRef, { error: targetError }).min(1, targetError).max(16, targetError);

const modes = z.enum(['Enforce', 'Audit'], { error: 'must be Enforce or Audit' });

const cidr = z
  .string({ error: cidrError })
  .max(43, cidrError)
  .refine(isCidr, { error: cidrError })
  .meta({ cidr: true });

const serviceAccount = z.strictObject({
  name: objectName.describe('Whose pods may call.'),
  namespace: dnsLabel.optional().describe("Of the account; absent: the policy's own."),
});

/** Beside them a NetworkPolicy would be refused as a whole, and with it what other policies say of the Service. */
export const exceptError = 'must be ranges within cidr, and smaller';

const callerError = 'must be one of serviceAccount, namespace and ipBlock';

const caller = z
  .strictObject({
    serviceAccount: serviceAccount.optional(),
    namespace: z.strictObject({ name: dnsLabel }).optional().describe('All pods of a namespace.'),
    ipBlock: z
      .strictObject({
        cidr,
        except: list(cidr, 16).describe('Ranges within it that may not.'),
      })
      .refine((block) => block.except.every((one) => isStrictlyWithin(block.cidr, one)), {
        error: exceptError,
        path: ['except'],
      })
      .optional()
      .describe('Addresses, for callers outside the cluster.'),
  })
  .refine((one) => Object.values(one).filter((field) => field !== undefined).length === 1, {
    error: callerError,
  });

const callersError = 'must be a list of 1 to 64 callers; leave it out to let everybody call';

const portError = 'must be the name or the number of a port of the Service';

const port = z
  .union([z.string(), z.number()], { error: portError })
  .refine(
    (value) => (typeof value === 'string' ? sectionName : integer(1, 65_535)).safeParse(value).success,
    {
      error: portError,
    },
  )
  .meta({ intOrString: true });

const httpMatch = z.strictObject({
  methods: list(
    z.string({ error: 'must be a method' }).regex(/^[A-Z][A-Z-]{0,31}$/, 'must be a method'),
    16,
  ).describe('Absent: all.'),
  path: z
    .strictObject({
      type: z.enum(['Exact', 'PathPrefix'], { error: 'must be Exact or PathPrefix' }).default('PathPrefix'),
      value: z
        .string({ error: 'must be a path' })
        .max(1024, 'must be at most 1024 characters')
        .regex(/^\/[-A-Za-z0-9/._~!$&'()*+,;=:@%]*$/, 'must be a path that begins with /'),
    })
    .optional()
    .describe('Absent: all. A prefix ends where a segment does: /a is no prefix of /ab.'),
});

/** One rule: whoever fits `from` may do what `ports` and `http` say. */
export const accessRule = z.strictObject({
  name: sectionName
    .optional()
    .describe('For logs and metrics; absent, or that of one before it: `#` and its place in the list.'),
  from: z
    .array(caller, { error: callersError })
    .min(1, callersError)
    .max(64, callersError)
    .optional()
    .describe('Who may call; absent: everybody.'),
  ports: list(port, 16).describe('Of the Service, by name or number; absent: all.'),
  http: list(httpMatch, 16).describe('What may be asked; absent: everything.'),
});

export type AccessRule = z.output<typeof accessRule>;

const rulesMax = 32;

function specWith<R extends z.ZodType>(rule: R) {
  return z.strictObject({
    targetRefs: targetRefs.describe('Services that only those may call whom a policy lets.'),
    mode: modes
      .default('Enforce')
      .describe('Audit: what would be refused is counted and logged, and passes.'),
    rules: list(rule, rulesMax).describe('Whoever fits one of them passes; none: nobody.'),
  });
}

/** As the API server is told. */
export const publishedAccessPolicySpec = specWith(accessRule);

/** A rule that cannot be read lets nobody pass; the others hold. */
export const readAccessRule = partOf(accessRule, () => ({ from: [], ports: [], http: [] }));

export const accessPolicySpec = specWith(readAccessRule);

export type AccessPolicySpec = z.output<typeof accessPolicySpec>;

/** Of a policy that cannot be read as a whole: its targets let nobody pass. Null: not even these can be told. */
export function salvageAccessPolicy(spec: unknown): AccessPolicySpec | null {
  const given = (spec ?? {}) as { readonly targetRefs?: unknown; readonly mode?: unknown };
  const each = (Array.isArray(given.targetRefs) ? given.targetRefs : []).flatMap((one) => {
    const parsed = targetRef.safeParse(one);
    return parsed.success ? [parsed.data] : [];
  });
  const mode = modes.safeParse(given.mode);
  return each.length === 0
    ? null
    : { targetRefs: each, mode: mode.success ? mode.data : 'Enforce', rules: [] };
}
