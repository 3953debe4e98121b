// Moves money: checks limits, fraud and price, books the transfer, then tells whoever must know.

import { Refusal, type Service } from '../kit.ts';

export interface PaymentOrder {
  readonly reference: string;
  readonly customer: number;
  readonly from: number;
  readonly to: number;
  readonly pennies: number;
}

export const service: Service = {
  workMs: 2,
  routes: {
    'GET /customers/:customer/scheduled': () => ({ scheduled: 0 }),
    'POST /payments': async ({ body, get, post }) => {
      const order = await body<PaymentOrder>();
      const { customer, pennies, reference } = order;
      const [limits, fee, screening] = await Promise.all([
        get<{ transferPennies: number }>('limits', `/customers/${customer}/limits`),
        get<{ version: string }>('pricing', '/fees/transfer'),
        post<{ clear: boolean }>('fraud', '/screenings', { customer, pennies }, 'screening'),
      ]);
      if (pennies > limits.transferPennies || !screening.clear) throw new Refusal(422, 'not allowed');
      await post('ledger', '/transfers', order, 'booking');
      await Promise.all([
        post('notifications', `/customers/${customer}/notifications`, { reference }, 'notice'),
        post('audit', '/events', order, 'audit'),
        post('rewards', `/customers/${customer}/points`, { pennies }, 'points'),
      ]);
      return { reference, fee: fee.version };
    },
  },
};
