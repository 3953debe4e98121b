// Names of customers: there are two hundred, made of their numbers.

import { customersCount } from '../bank.ts';
import { Refusal, type Service } from '../kit.ts';

const streets = ['Harbour Road', 'Mill Lane', 'Station Street', 'Orchard Close', 'Bridge Street'];

export const service: Service = {
  workMs: 1,
  routes: {
    'GET /customers/:customer': ({ params }) => {
      const number = Number(params['customer']);
      if (!(number >= 0 && number < customersCount)) throw new Refusal(404, 'no such customer');
      return { name: `Customer ${number}`, address: `${number + 1} ${streets[number % streets.length]}` };
    },
  },
};
