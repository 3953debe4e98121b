// Keeps the last thousand events, each key once, as an auditor would want of a repeated call.

import type { Service } from '../kit.ts';

const eventsMax = 1000;
const events = new Map<string, unknown>();

export const service: Service = {
  workMs: 1,
  routes: {
    'GET /events/count': () => ({ events: events.size }),
    'POST /events': async ({ key, body }) => {
      events.set(key ?? crypto.randomUUID(), await body());
      for (const oldest of events.keys()) {
        if (events.size <= eventsMax) break;
        events.delete(oldest);
      }
      return { recorded: true };
    },
  },
};
