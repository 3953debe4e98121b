// Exchange rates against the pound, fixed.

import { Refusal, type Service } from '../kit.ts';

const rates: Readonly<Record<string, number>> = { GBP: 1, EUR: 1.17, USD: 1.31, JPY: 196.4, CHF: 1.06 };

export const service: Service = {
  workMs: 1,
  routes: {
    'GET /rates': () => rates,
    'GET /rates/:currency': ({ params }) => {
      const rate = rates[params['currency'] ?? ''];
      if (rate === undefined) throw new Refusal(404, 'no such currency');
      return { rate };
    },
  },
};
