// Whose session it is. In this bank a session is the customer's number; the customer must exist.

import type { Service } from '../kit.ts';

export const service: Service = {
  workMs: 1,
  routes: {
    'GET /sessions/:customer': async ({ params, get }) => {
      const customer = await get<{ name: string }>('customers', `/customers/${params['customer']}`);
      return { customer: Number(params['customer']), name: customer.name };
    },
  },
};
