// What the bank consists of: its services and how many replicas of each, as Deployments would say. Three replicas where
// something is going to be killed, slowed, broken or rolled; two or one elsewhere, to stay small.

/** One workload: `replicas` processes of `program`. */
export interface Workload {
  /** Also the Service's name, and the pod's label `app`. */
  readonly name: string;
  /** Name of the program in service.ts. */
  readonly program: string;
  readonly replicas: number;
  /** With `--small`. */
  readonly replicasSmall: number;
  readonly env: Readonly<Record<string, string>>;
  /** A program in Python with the same behaviour, relative to this folder; null: none. */
  readonly python: string | null;
}

/** Customers 0 to N-1; customer N owns the accounts 2N and 2N+1. */
export const customersCount = 200;

/** What every account holds at the start. */
export const openingPennies = 1_000_000;

export const namespace = 'bank';

function workload(name: string, replicas: number, overrides: Partial<Workload> = {}): Workload {
  const replicasSmall = replicas === 3 ? 2 : 1;
  return { name, program: name, replicas, replicasSmall, env: {}, python: null, ...overrides };
}

export const workloads: readonly Workload[] = [
  workload('ledger', 3),
  workload('accounts', 3),
  workload('fraud', 3),
  workload('customers', 1),
  workload('auth', 1),
  workload('limits', 1),
  workload('fx', 1),
  workload('pricing-v1', 1, { program: 'pricing', env: { VERSION: 'v1' } }),
  workload('pricing-v2', 1, { program: 'pricing', env: { VERSION: 'v2' } }),
  workload('rewards', 1),
  workload('notifications', 1),
  workload('audit', 1),
  workload('cards', 1),
  workload('feed', 1),
  workload('statements', 1, { python: 'services/statements.py' }),
  workload('payments', 2),
  workload('web', 1),
];
