// Gateway, GatewayClass, ReferenceGrant (gateway.networking.k8s.io), XBackendTrafficPolicy and XMesh
// (gateway.networking.x-k8s.io): the parts in use.

import { z } from 'zod';
import { retryConstraint } from './service-policy.ts';
import {
  dnsLabel,
  hostname,
  labels,
  listOf,
  notYet,
  partOf,
  portNumber,
  refGroup,
  refKind,
  refName,
  sectionName,
} from './values.ts';

/** A known field that says nothing to the mesh. */
const unread = z.unknown().optional();

/** Name of the class that is ours without a GatewayClass object; others are ours when they name this controller. */
export const gatewayClassName = 'weft';
export const gatewayController = 'weft.dev/gateway-controller';
/** An XMesh is ours when it names this one. */
export const meshController = 'weft.dev/mesh-controller';

/** LabelSelector of Kubernetes: everything it says must hold. */
const labelSelector = z.strictObject({
  matchLabels: labels,
  matchExpressions: listOf(
    z.strictObject({
      key: z.string().min(1, 'must not be empty'),
      operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist'], {
        error: 'must be In, NotIn, Exists or DoesNotExist',
      }),
      values: listOf(z.string(), 256),
    }),
    256,
  ),
});

/** Of which namespaces objects may attach; `standard`: where nothing is said. */
function fromNamespaces(standard: 'Same' | 'None') {
  return z
    .strictObject({
      from: z
        .enum(['All', 'Same', 'Selector', 'None'], { error: 'must be All, Same, Selector or None' })
        .default(standard),
      selector: labelSelector.optional(),
    })
    .refine(({ from, selector }) => from !== 'Selector' || selector !== undefined, {
      path: ['selector'],
      error: 'must be there where from is Selector',
    });
}

/** As the CRD has it: a word, or a word of somebody's domain. */
const protocolPattern =
  /^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/[A-Za-z0-9]+$/;

/** A Secret or a ConfigMap, or what a condition then refuses. */
const objectRef = z.strictObject({
  group: refGroup.default(''),
  kind: refKind.default('Secret'),
  name: refName,
  namespace: dnsLabel.optional(),
});

const optionsMax = 16;

const listenerTls = z
  .strictObject({
    mode: z
      .enum(['Terminate', 'Passthrough'], { error: 'must be Terminate or Passthrough' })
      .default('Terminate'),
    certificateRefs: listOf(objectRef, 64),
    options: labels.refine((all) => Object.keys(all).length <= optionsMax, {
      error: `must have at most ${optionsMax} items`,
    }),
  })
  .refine(
    ({ mode, certificateRefs, options }) =>
      mode !== 'Terminate' || certificateRefs.length > 0 || Object.keys(options).length > 0,
    { path: ['certificateRefs'], error: 'must be there where mode is Terminate' },
  );

const listenerFields = z.strictObject({
  name: sectionName,
  hostname: hostname.optional(),
  port: portNumber,
  protocol: z
    .string({ error: 'must be a protocol, such as HTTP' })
    .max(255, 'must be at most 255 characters')
    .regex(protocolPattern, 'must be a protocol, such as HTTP, or one of a domain, such as example.com/chat'),
  tls: listenerTls.optional(),
  allowedRoutes: z
    .strictObject({
      namespaces: fromNamespaces('Same').prefault({}),
      kinds: listOf(z.strictObject({ group: refGroup.optional(), kind: refKind }), 8),
    })
    .prefault({}),
});

const plainProtocols: ReadonlySet<string> = new Set(['HTTP', 'TCP', 'UDP']);

const listener = listenerFields.superRefine(({ protocol, tls, hostname }, context) => {
  const tell = (field: string, message: string) =>
    context.addIssue({ code: 'custom', path: [field], message });
  if (plainProtocols.has(protocol) && tls !== undefined) tell('tls', `must not be there for ${protocol}`);
  if (protocol === 'HTTPS' && tls?.mode === 'Passthrough') tell('tls', 'must be of mode Terminate for HTTPS');
  if (protocol === 'TLS' && tls === undefined) tell('tls', 'must be there for TLS');
  if ((protocol === 'TCP' || protocol === 'UDP') && hostname !== undefined)
    tell('hostname', `must not be there for ${protocol}`);
});

export const gatewayListener = listener;
export const secretRef = objectRef;

const bundlesError = 'must be a list of 1 to 16 references';

const clientValidation = z.strictObject({
  validation: z
    .strictObject({
      caCertificateRefs: z
        .array(objectRef.extend({ group: refGroup, kind: refKind }), { error: bundlesError })
        .min(1, bundlesError)
        .max(16, bundlesError),
      mode: z
        .enum(['AllowValidOnly', 'AllowInsecureFallback'], {
          error: 'must be AllowValidOnly or AllowInsecureFallback',
        })
        .default('AllowValidOnly'),
    })
    .optional(),
});

const gatewayTls = z.strictObject({
  backend: z.strictObject({ clientCertificateRef: objectRef.optional() }).optional(),
  frontend: z
    .strictObject({
      default: clientValidation,
      perPort: listOf(z.strictObject({ port: portNumber, tls: clientValidation }), 64).refine(
        (all) => new Set(all.map(({ port }) => port)).size === all.length,
        { error: 'must not have a port twice' },
      ),
    })
    .optional(),
});

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

const listeners = z
  .array(partOf(listener, faultyListener), { error: 'must be a list of listeners' })
  .min(1, 'must have a listener')
  .max(64, 'must have at most 64 listeners')
  .refine((all) => new Set(all.map((one) => one.name)).size === all.length, {
    error: 'names of listeners must be unique',
  });

export const gatewaySpec = z.strictObject({
  gatewayClassName: refName,
  listeners,
  allowedListeners: z.strictObject({ namespaces: fromNamespaces('None').prefault({}) }).prefault({}),
  addresses: listOf(
    z.strictObject({
      type: z.string().max(253, 'must be at most 253 characters').default('IPAddress'),
      /** Absent: any. */
      value: z.string().max(253, 'must be at most 253 characters').optional(),
    }),
    16,
  ),
  // Labels and annotations are for those who run it (fleet/list-gateways.ts).
  infrastructure: z.looseObject({ parametersRef: unread }).optional(),
  tls: gatewayTls.optional(),
  defaultScope: unread,
});

export const listenerSetSpec = z.strictObject({
  parentRef: z.strictObject({
    group: refGroup.default('gateway.networking.k8s.io'),
    kind: refKind.default('Gateway'),
    namespace: dnsLabel.optional(),
    name: refName,
  }),
  listeners,
});

/** `example`: what is ours. */
function controllerName(example: string) {
  const error = `must be a name of a domain, such as ${example}`;
  return z
    .string({ error })
    .max(253, 'must be at most 253 characters')
    .regex(
      /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/,
      error,
    );
}

const parametersRef = z
  .strictObject({ group: refGroup, kind: refKind, name: refName, namespace: dnsLabel.optional() })
  .optional();

export const gatewayClassSpec = z.strictObject({
  controllerName: controllerName(gatewayController),
  parametersRef,
  description: unread,
});

/** XMesh (gateway.networking.x-k8s.io/v1alpha1): what says that a mesh is there, and is told what it can do. */
export const meshSpec = z.strictObject({
  controllerName: controllerName(meshController),
  parametersRef,
  description: z.string().max(64, 'must be at most 64 characters').optional(),
});

const grantError = 'must be a list of 1 to 16 items';

function grantItems<T extends z.ZodType>(item: T) {
  return z.array(item, { error: grantError }).min(1, grantError).max(16, grantError);
}

export const referenceGrantSpec = z.strictObject({
  from: grantItems(z.strictObject({ group: refGroup, kind: refKind, namespace: dnsLabel })),
  to: grantItems(z.strictObject({ group: refGroup, kind: refKind, name: refName.optional() })),
});

const targetError = 'must be a list of 1 to 16 targets';

export const backendTrafficPolicySpec = z.strictObject({
  targetRefs: z
    .array(
      z.strictObject({
        group: refGroup,
        kind: z.literal('Service', { error: 'must be Service' }),
        name: refName,
      }),
      {
        error: targetError,
      },
    )
    .min(1, targetError)
    .max(16, targetError)
    .refine((all) => new Set(all.map((one) => one.name)).size === all.length, {
      error: 'must not have a target twice',
    }),
  retryConstraint: retryConstraint.optional(),
  sessionPersistence: notYet,
});

export type LabelSelector = z.output<typeof labelSelector>;
export type GatewaySpec = z.output<typeof gatewaySpec>;
export type ListenerSetSpec = z.output<typeof listenerSetSpec>;
/** Which namespaces are meant. */
export type FromNamespaces = GatewaySpec['allowedListeners']['namespaces'];
export type SecretRef = z.output<typeof objectRef>;
export type ClientValidationSpec = z.output<typeof clientValidation>;
export type GatewayListener = GatewaySpec['listeners'][number];
export type ReferenceGrantSpec = z.output<typeof referenceGrantSpec>;
export type MeshSpec = z.output<typeof meshSpec>;
export type BackendTrafficPolicySpec = z.output<typeof backendTrafficPolicySpec>;
