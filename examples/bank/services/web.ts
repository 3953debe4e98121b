// The bank's public face: the home page, which asks everybody, and transfers, which move money.

import type { Context, Service } from '../kit.ts';
import type { Account } from './accounts.ts';
import type { PaymentOrder } from './payments.ts';

export const service: Service = {
  workMs: 0,
  routes: {
    'GET /home/:customer': async (context) => {
      const { params, get } = context;
      const customer = params['customer'];
      const session = await get<{ name: string }>('auth', `/sessions/${customer}`);
      const [own, cards, feed, statement, rates, scheduled] = await Promise.all([
        accountsOf(context),
        get<unknown[]>('cards', `/customers/${customer}/cards`),
        get('feed', `/customers/${customer}/feed`),
        get('statements', `/customers/${customer}/statement`),
        get('fx', '/rates'),
        get('payments', `/customers/${customer}/scheduled`),
      ]);
      return { ...session, ...own, cards, feed, statement, rates, scheduled };
    },
    'POST /transfers': async ({ body, get, post }) => {
      const order = await body<PaymentOrder>();
      await get('auth', `/sessions/${order.customer}`);
      await get('fx', '/rates/GBP');
      return await post('payments', '/payments', order, 'payment');
    },
  },
};

/** One after the other, as the page shows them. */
async function accountsOf({ params, get }: Context): Promise<object> {
  const path = `/customers/${params['customer']}`;
  return {
    accounts: await get<Account[]>('accounts', `${path}/accounts`),
    balances: await get<Account[]>('accounts', `${path}/balances`),
    overdraft: await get<{ pennies: number }>('accounts', `${path}/overdraft`),
  };
}
