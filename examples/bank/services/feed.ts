// The activity feed of the home page: what the accounts, the rewards and the notifications have to say.

import type { Service } from '../kit.ts';
import type { Account } from './accounts.ts';

export const service: Service = {
  workMs: 2,
  routes: {
    'GET /customers/:customer/feed': async ({ params, get }) => {
      const customer = params['customer'];
      const accounts = await get<Account[]>('accounts', `/customers/${customer}/accounts`);
      const balances = await get<Account[]>('accounts', `/customers/${customer}/balances`);
      const overdraft = await get<{ pennies: number }>('accounts', `/customers/${customer}/overdraft`);
      const [rewards, notes] = await Promise.all([
        get<{ points: number }>('rewards', `/customers/${customer}/points`),
        get<{ unread: number }>('notifications', `/customers/${customer}/notifications`),
      ]);
      return { accounts: accounts.length, balances, overdraft: overdraft.pennies, ...rewards, ...notes };
    },
  },
};
