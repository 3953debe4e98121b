// The one place where money is: balances and transfers, kept by all replicas in one database file (LEDGER_FILE).

import { Refusal, type Service } from '../kit.ts';
import { openLedger } from '../ledger-store.ts';

interface Transfer {
  readonly reference: string;
  readonly from: number;
  readonly to: number;
  readonly pennies: number;
}

const store = openLedger(process.env['LEDGER_FILE'] ?? 'ledger.db');

export const service: Service = {
  workMs: 2,
  routes: {
    'GET /balances': ({ query }) => store.balances((query.get('accounts') ?? '').split(',').map(Number)),
    'GET /accounts/:account/entries': ({ params }) => store.entries(Number(params['account']), 10),
    'POST /transfers': async ({ key, body }) => {
      if (key === null) throw new Refusal(400, 'Idempotency-Key is required');
      const { reference, from, to, pennies } = await body<Transfer>();
      const outcome = store.transfer(key, reference, from, to, pennies);
      if (outcome === 'refused') throw new Refusal(422, 'the account does not hold that much');
      return { reference, outcome };
    },
  },
};
