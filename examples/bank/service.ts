// One program for all of the bank's services: `bun service.ts ledger`. Where it listens and whom it calls come from the
// environment, as in a container: HOST, PORT, MESH, REPLICA; HOSTS, as JSON, where a service's name alone does not lead
// to it; and FAULTS=none where nobody holds standard input.

import { type Service, serve } from './kit.ts';

const services: Readonly<Record<string, () => Promise<{ readonly service: Service }>>> = {
  accounts: () => import('./services/accounts.ts'),
  audit: () => import('./services/audit.ts'),
  auth: () => import('./services/auth.ts'),
  cards: () => import('./services/cards.ts'),
  customers: () => import('./services/customers.ts'),
  feed: () => import('./services/feed.ts'),
  fraud: () => import('./services/fraud.ts'),
  fx: () => import('./services/fx.ts'),
  ledger: () => import('./services/ledger.ts'),
  limits: () => import('./services/limits.ts'),
  notifications: () => import('./services/notifications.ts'),
  payments: () => import('./services/payments.ts'),
  pricing: () => import('./services/pricing.ts'),
  rewards: () => import('./services/rewards.ts'),
  statements: () => import('./services/statements.ts'),
  web: () => import('./services/web.ts'),
};

const name = process.argv[2] ?? '';
const load = services[name];
if (load === undefined) {
  console.error(`service.ts: no service '${name}'; there are ${Object.keys(services).join(', ')}`);
  process.exit(64);
}
const { service } = await load();
serve(service, {
  service: name,
  replica: process.env['REPLICA'] ?? name,
  port: Number(process.env['PORT'] ?? 8080),
  host: process.env['HOST'] ?? '127.0.0.1',
  mesh: process.env['MESH'] ?? null,
  hosts: JSON.parse(process.env['HOSTS'] ?? '{}'),
  hasKnob: process.env['FAULTS'] !== 'none',
});
