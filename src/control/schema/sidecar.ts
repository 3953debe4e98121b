// The part of ServicePolicy that is about the Service's own pods: what their sidecars get, by the volume that is
// expected. It is read where pods are injected, and travels to no proxy.

import { z } from 'zod';
import { isMore, judgeQuantity, quantity } from './quantity.ts';

const resources = z
  .strictObject({
    requests: z
      .strictObject({
        cpu: quantity('cpu')
          .optional()
          .describe(
            'What a sidecar is sure of. Absent: the limit where there is one, as Kubernetes has it, else 50m.',
          ),
        memory: quantity('memory').optional().describe('The same of memory; absent: the limit, else 64Mi.'),
      })
      .optional(),
    limits: z
      .strictObject({
        cpu: quantity('cpu')
          .optional()
          .describe(
            'What it is throttled at. Absent: none, because a throttled proxy is latency for everybody who calls.',
          ),
        memory: quantity('memory')
          .optional()
          .describe('What it is ended at. Absent: none, because its end is that of its connections.'),
      })
      .optional(),
  })
  .superRefine(({ requests, limits }, context) => {
    for (const name of ['cpu', 'memory'] as const) {
      const [request, limit] = [requests?.[name], limits?.[name]];
      if (request === undefined || limit === undefined) continue;
      // What is none has been told already.
      const sound = judgeQuantity(name, request) === null && judgeQuantity(name, limit) === null;
      if (sound && isMore(request, limit))
        context.addIssue({
          code: 'custom',
          path: ['requests', name],
          message: 'must not be more than the limit',
          input: request,
        });
    }
  });

export const sidecar = z
  .strictObject({
    resources: resources.optional(),
    logLevel: z
      .enum(['debug', 'info', 'warn', 'error', 'off'], { error: 'must be debug, info, warn, error or off' })
      .optional()
      .describe('Of the sidecars. Absent: info.'),
  })
  .describe('For the sidecars of the pods that the Service selects, as they are injected.');

export type SidecarPolicy = z.output<typeof sidecar>;
