// XBackend (gateway.networking.x-k8s.io/v1alpha1): a place outside the cluster that routes send to, with the TLS that
// it is spoken to in.

import { z } from 'zod';
import { backendValidation } from './backend-tls-policy.ts';
import { secretRef } from './gateway.ts';
import { dnsLabel, noAddress, ownHost, portNumber, preciseHost } from './values.ts';

export const externalGroup = 'gateway.networking.x-k8s.io';

const tls = z
  .strictObject({
    mode: z.enum(['None', 'ServerOnly', 'ClientAndServer'], {
      error: 'must be None, ServerOnly or ClientAndServer',
    }),
    clientCertificateRef: secretRef.optional(),
    validation: backendValidation.optional(),
  })
  .refine(({ mode, clientCertificateRef: ref }) => (mode === 'ClientAndServer') === (ref !== undefined), {
    path: ['clientCertificateRef'],
    error: 'must be there where mode is ClientAndServer, and there alone',
  });

export const externalBackendSpec = z.strictObject({
  type: z.literal('ExternalHostname', { error: 'must be ExternalHostname' }),
  port: z.strictObject({
    name: z.union([dnsLabel, z.literal('')], { error: 'must be a name in lower case' }).optional(),
    port: portNumber,
  }),
  externalHostname: z.strictObject({
    hostname: preciseHost
      .refine((name) => !/\.(?:svc|cluster\.local)$/.test(name), {
        error: 'must not be of this cluster: a Service is named as such',
      })
      .refine(noAddress, { error: 'must be a name, not an address' })
      .refine((name) => !ownHost.test(name), {
        error: 'must not be the host of whoever calls: its admin interface is there',
      }),
  }),
  protocol: z
    .enum(['TCP', 'HTTP', 'HTTP2', 'HTTP11', 'H2C', 'MCP'], {
      error: 'must be TCP, HTTP, HTTP2, HTTP11, H2C or MCP',
    })
    .optional(),
  tls: tls.optional(),
});

export type ExternalBackendSpec = z.output<typeof externalBackendSpec>;
