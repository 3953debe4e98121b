// Fees. Runs as pricing-v1 and pricing-v2 behind the name `pricing`; which one answers is the mesh's traffic split.

import type { Service } from '../kit.ts';

const version = process.env['VERSION'] ?? 'v1';

export const service: Service = {
  workMs: 1,
  routes: { 'GET /fees/:kind': ({ params }) => ({ kind: params['kind'], version, pennies: 0 }) },
};
