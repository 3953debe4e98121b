// Spending limits, the same for everybody.

import type { Service } from '../kit.ts';

export const service: Service = {
  workMs: 1,
  routes: { 'GET /customers/:customer/limits': () => ({ dailyPennies: 500_000, transferPennies: 50_000 }) },
};
