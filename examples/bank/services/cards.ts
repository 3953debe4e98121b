// Cards of a customer: what they are drawn on, what is left of their limits, and whether a card is flagged.

import type { Service } from '../kit.ts';
import type { Account } from './accounts.ts';

export const service: Service = {
  workMs: 2,
  routes: {
    'GET /customers/:customer/cards': async ({ params, get }) => {
      const customer = params['customer'];
      const accounts = await get<Account[]>('accounts', `/customers/${customer}/accounts`);
      const drawn = await get<Account[]>('accounts', `/customers/${customer}/balances`);
      const overdraft = await get<{ pennies: number }>('accounts', `/customers/${customer}/overdraft`);
      const [limits, flags] = await Promise.all([
        get<{ dailyPennies: number }>('limits', `/customers/${customer}/limits`),
        get<{ flagged: boolean }>('fraud', `/customers/${customer}/flags`),
      ]);
      return accounts.map((account, at) => ({
        card: `**** ${1000 + account.id}`,
        pennies: (drawn[at]?.pennies ?? 0) + overdraft.pennies,
        ...limits,
        ...flags,
      }));
    },
  },
};
