// Tells customers what happened; a repeated call tells them once.

import type { Service } from '../kit.ts';

const keysMax = 5000;
const unread = new Map<string, number>();
const seen = new Set<string>();

export const service: Service = {
  workMs: 1,
  routes: {
    'GET /customers/:customer/notifications': ({ params }) => ({
      unread: unread.get(params['customer'] ?? '') ?? 0,
    }),
    'POST /customers/:customer/notifications': ({ params, key }) => {
      const customer = params['customer'] ?? '';
      if (key !== null && seen.has(key)) return { sent: false };
      if (key !== null) seen.add(key);
      for (const oldest of seen) {
        if (seen.size <= keysMax) break;
        seen.delete(oldest);
      }
      unread.set(customer, (unread.get(customer) ?? 0) + 1);
      return { sent: true };
    },
  },
};
