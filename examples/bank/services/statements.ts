// The latest statement: accounts, entries, and how much the auditors have seen. The twin of statements.py, for machines
// without Python.

import type { Service } from '../kit.ts';
import type { Account } from './accounts.ts';

export const service: Service = {
  workMs: 2,
  routes: {
    'GET /customers/:customer/statement': async ({ params, get }) => {
      const customer = params['customer'];
      const accounts = await get<Account[]>('accounts', `/customers/${customer}/accounts`);
      const entries = await get<unknown[]>('ledger', `/accounts/${accounts[0]?.id}/entries`);
      const { events } = await get<{ events: number }>('audit', '/events/count');
      return { accounts, entries: entries.length, events };
    },
  },
};
