// The latest statement: accounts, balances, entries, and a note for the auditors. The twin of statements.py, for machines without Python.

import type { Service } from '../kit.ts';
import type { Account } from './accounts.ts';

export const service: Service = {
  workMs: 2,
  routes: {
    'GET /customers/:customer/statement': async ({ params, get }) => {
      const customer = params['customer'];
      const accounts = await get<Account[]>('accounts', `/customers/${customer}/accounts`);
      const balances = await get<Account[]>('accounts', `/customers/${customer}/balances`);
      const overdraft = await get<{ pennies: number }>('accounts', `/customers/${customer}/overdraft`);
      const entries = await get<unknown[]>('ledger', `/accounts/${accounts[0]?.id}/entries`);
      await get('audit', '/events/count');
      return { balances, overdraft: overdraft.pennies, entries: entries.length };
    },
  },
};
