// Gateway, GatewayClass, ReferenceGrant (gateway.networking.k8s.io) and XBackendTrafficPolicy
// (gateway.networking.x-k8s.io): the parts in use.

import { z } from 'zod';
import { retryConstraint } from './service-policy.ts';
import { hostname, labels, listOf, notYet, objectName, partOf, portNumber } from './values.ts';

/** Name of the class that is ours without a GatewayClass object; others are ours when they name this controller. */
export const gatewayClassName = 'weft';
export const gatewayController = 'weft.dev/gateway-controller';

/** LabelSelector of Kubernetes: everything it says must hold. */
const labelSelector = z.object({
  matchLabels: labels,
  matchExpressions: listOf(
    z.object({
      key: z.string().min(1),
      operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist'], {
        error: 'must be In, NotIn, Exists or DoesNotExist',
      }),
      values: listOf(z.string(), 64),
    }),
    16,
  ),
});

const listener = z.object({
  name: z.string().min(1),
  hostname: hostname.optional(),
  port: portNumber,
  protocol: z.string().min(1),
  allowedRoutes: z
    .object({
      namespaces: z
        .object({
          from: z
            .enum(['All', 'Same', 'Selector', 'None'], { error: 'must be All, Same, Selector or None' })
            .default('Same'),
          selector: labelSelector.optional(),
        })
        .refine(({ from, selector }) => from !== 'Selector' || selector !== undefined, {
          path: ['selector'],
          error: 'must be there where from is Selector',
        })
        .prefault({}),
      kinds: listOf(z.object({ group: z.string().optional(), kind: z.string() }), 8),
    })
    .prefault({}),
});

export const gatewayListener = listener;

/** Of a listener at fault only its name is of use: to say which one it is. */
function faultyListener(value: unknown): z.output<typeof listener> {
  const name = (value as { readonly name?: unknown } | null)?.name;
  return {
    name: typeof name === 'string' ? name : '',
    port: 0,
    protocol: '',
    allowedRoutes: { namespaces: { from: 'None' }, kinds: [] },
  };
}

export const gatewaySpec = z.object({
  gatewayClassName: z.string().min(1),
  listeners: z
    .array(partOf(listener, faultyListener), { error: 'must be a list of listeners' })
    .min(1, 'must have a listener')
    .max(64, 'must have at most 64 listeners')
    .refine((all) => new Set(all.map((one) => one.name)).size === all.length, {
      error: 'names of listeners must be unique',
    }),
  allowedListeners: notYet,
  backendTLS: notYet,
});

export const gatewayClassSpec = z.object({ controllerName: z.string() });

export const referenceGrantSpec = z.object({
  from: z.array(z.object({ group: z.string(), kind: z.string(), namespace: objectName })).min(1),
  to: z.array(z.object({ group: z.string(), kind: z.string(), name: objectName.optional() })).min(1),
});

const targetError = 'must be a list of 1 to 16 targets';

export const backendTrafficPolicySpec = z.object({
  targetRefs: z
    .array(
      z.object({
        group: z.string().default(''),
        kind: z.literal('Service', { error: 'must be Service' }),
        name: objectName,
      }),
      {
        error: targetError,
      },
    )
    .min(1, targetError)
    .max(16, targetError),
  retryConstraint: retryConstraint.optional(),
  sessionPersistence: notYet,
});

export type LabelSelector = z.output<typeof labelSelector>;
export type GatewaySpec = z.output<typeof gatewaySpec>;
export type GatewayListener = GatewaySpec['listeners'][number];
export type ReferenceGrantSpec = z.output<typeof referenceGrantSpec>;
export type BackendTrafficPolicySpec = z.output<typeof backendTrafficPolicySpec>;
