// Screens transfers and flags customers.

import type { Service } from '../kit.ts';
import type { Account } from './accounts.ts';

interface Screening {
  readonly customer: number;
  readonly pennies: number;
}

export const service: Service = {
  workMs: 3,
  routes: {
    'GET /customers/:customer/flags': () => ({ flagged: false }),
    'POST /screenings': async ({ body, get }) => {
      const { customer, pennies } = await body<Screening>();
      const [accounts, person] = await Promise.all([
        get<Account[]>('accounts', `/customers/${customer}/balances`),
        get<{ name: string }>('customers', `/customers/${customer}`),
      ]);
      const held = accounts.reduce((sum, account) => sum + (account.pennies ?? 0), 0);
      return { clear: pennies <= held, name: person.name };
    },
  },
};
