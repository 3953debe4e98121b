// The bank's public face: the home page, which asks everybody, and transfers, which move money.

import type { Service } from '../kit.ts';
import type { Account } from './accounts.ts';
import type { PaymentOrder } from './payments.ts';

export const service: Service = {
  workMs: 0,
  routes: {
    'GET /home/:customer': async ({ params, get }) => {
      const customer = params['customer'];
      const session = await get<{ name: string }>('auth', `/sessions/${customer}`);
      const [balances, accounts, overdraft, cards, feed, statement, rates, scheduled] = await Promise.all([
        get<Account[]>('accounts', `/customers/${customer}/balances`),
        get<Account[]>('accounts', `/customers/${customer}/accounts`),
        get<{ pennies: number }>('accounts', `/customers/${customer}/overdraft`),
        get<unknown[]>('cards', `/customers/${customer}/cards`),
        get('feed', `/customers/${customer}/feed`),
        get('statements', `/customers/${customer}/statement`),
        get('fx', '/rates'),
        get('payments', `/customers/${customer}/scheduled`),
      ]);
      return { ...session, accounts, balances, overdraft, cards, feed, statement, rates, scheduled };
    },
    'POST /transfers': async ({ body, get, post }) => {
      const order = await body<PaymentOrder>();
      await get('auth', `/sessions/${order.customer}`);
      await get('fx', '/rates/GBP');
      return await post('payments', '/payments', order, 'payment');
    },
  },
};
