// Who owns which account, with the balance from the ledger. The account numbers of customer N are 2N and 2N+1.

import type { Context, Service } from '../kit.ts';

export interface Account {
  readonly id: number;
  readonly kind: 'current' | 'savings';
  readonly pennies?: number;
}

function accountsOf(context: Context): Account[] {
  const customer = Number(context.params['customer']);
  return [
    { id: 2 * customer, kind: 'current' },
    { id: 2 * customer + 1, kind: 'savings' },
  ];
}

export const service: Service = {
  workMs: 10,
  routes: {
    'GET /customers/:customer/accounts': accountsOf,
    'GET /customers/:customer/overdraft': (context) => ({
      account: accountsOf(context)[0]?.id,
      pennies: 50_000,
    }),
    'GET /customers/:customer/balances': async (context) => {
      const accounts = accountsOf(context);
      const ids = accounts.map((account) => account.id).join(',');
      const balances = await context.get<Record<string, number>>('ledger', `/balances?accounts=${ids}`);
      return accounts.map((account) => ({ ...account, pennies: balances[account.id] ?? 0 }));
    },
  },
};
