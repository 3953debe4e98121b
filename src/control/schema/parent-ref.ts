// What a route attaches to, and what it sends to: references that routes of every kind have alike.

import { z } from 'zod';
import { dnsLabel, listOf, portNumber, refGroup, refKind, refName, sectionName } from './values.ts';

const parentRef = z.strictObject({
  group: refGroup.default('gateway.networking.k8s.io'),
  kind: refKind.default('Gateway'),
  namespace: dnsLabel.optional(),
  name: refName,
  sectionName: sectionName.optional(),
  port: portNumber.optional(),
});

export const parentRefs = listOf(parentRef, 32).superRefine((refs, context) => {
  const seen = new Set<string>();
  for (const [index, { group, kind, namespace, name, sectionName, port }] of refs.entries()) {
    const key = JSON.stringify([group, kind, namespace, name, sectionName, port]);
    if (seen.has(key))
      context.addIssue({ code: 'custom', path: [index], message: 'must not be there twice' });
    seen.add(key);
  }
});

/** BackendObjectReference: a Service's port, or something else that a condition then refuses. */
export const backendObject = {
  group: refGroup.default(''),
  kind: refKind.default('Service'),
  name: refName,
  namespace: dnsLabel.optional(),
  port: portNumber.optional(),
} as const;

export type ParentRef = z.output<typeof parentRef>;
/** As a route names it. */
export type BackendObject = z.output<z.ZodObject<typeof backendObject>>;
