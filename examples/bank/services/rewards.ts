// Reward points: one a pound moved, each call counted once.

import type { Service } from '../kit.ts';

const keysMax = 5000;
const points = new Map<string, number>();
const seen = new Set<string>();

export const service: Service = {
  workMs: 1,
  routes: {
    'GET /customers/:customer/points': async ({ params, get }) => {
      const offer = await get<{ version: string }>('pricing', '/fees/rewards');
      return { points: points.get(params['customer'] ?? '') ?? 0, offer: offer.version };
    },
    'POST /customers/:customer/points': async ({ params, key, body }) => {
      const customer = params['customer'] ?? '';
      const { pennies } = await body<{ pennies: number }>();
      if (key !== null && seen.has(key)) return { added: 0 };
      if (key !== null) seen.add(key);
      for (const oldest of seen) {
        if (seen.size <= keysMax) break;
        seen.delete(oldest);
      }
      points.set(customer, (points.get(customer) ?? 0) + Math.floor(pennies / 100));
      return { added: Math.floor(pennies / 100) };
    },
  },
};
