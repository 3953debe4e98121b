// What one decision of policy costs, in nanoseconds: `npm run bench -- policy`. Median of five rounds after a warm-up,
// fixed seed. The last column is a digest of the results, so that nothing can be optimised away and a change of
// behaviour shows.

import { Xoshiro128 } from '../../src/base/index.ts';
import {
  type BalanceConfig,
  compileRoutes,
  createBalancer,
  createRetryLimit,
  EndpointLoad,
  judgeRetry,
  OutlierCounts,
  OutlierDetector,
  type RequestView,
  RetryFacts,
  RetryVerdict,
  type Route,
  type RouteTable,
} from '../../src/policy/index.ts';

const rounds = 5;

interface Case {
  readonly name: string;
  /** Runs `turns` decisions and returns a digest of them. */
  readonly run: (turns: number) => number;
}

function routeOf(name: string, kind: 'exact' | 'prefix', value: string): Route {
  const clusters = [{ cluster: name, weight: 1, requestEdits: null, responseEdits: null }];
  return {
    name,
    match: { path: { kind, value, ignoreCase: false }, headers: [], query: [] },
    action: { kind: 'forward', clusters, rewriteAuthority: null, rewritePath: null },
    timeouts: { requestMs: null, attemptMs: null, idleMs: null },
    retry: null,
    bufferBytesMax: null,
    requestEdits: null,
    responseEdits: null,
  };
}

function tableOf(hosts: number, routes: readonly Route[]): RouteTable {
  const virtualHosts = Array.from({ length: hosts }, (_, index) => ({
    name: `bank/service-${index}:80`,
    domains: [`service-${index}`, `service-${index}.bank`, `service-${index}.bank:80`],
    routes,
  }));
  const table = compileRoutes({ name: 'bench', virtualHosts });
  if (!table.ok) throw new Error('the table of the bench is valid');
  return table.value;
}

function matchCase(name: string, table: RouteTable, paths: readonly string[]): Case {
  const random = new Xoshiro128(1);
  const views: RequestView[] = paths.map((path, index) => ({
    method: 'GET',
    authority: `service-${index % 10}.bank`,
    path,
    getName: () => null,
  }));
  return {
    name,
    run(turns) {
      let digest = 0;
      for (let turn = 0; turn < turns; turn++) {
        const hit = table.match(views[turn % views.length]!, random);
        digest += hit === null ? 1 : hit.route.name.length;
      }
      return digest;
    },
  };
}

function balanceCase(name: string, config: BalanceConfig, count: number): Case {
  const random = new Xoshiro128(2);
  const balancer = createBalancer<EndpointLoad>(config, random);
  balancer.update(Array.from({ length: count }, (_, index) => new EndpointLoad(String(index), 1)));
  const request = { nowMs: 0, tried: [], hash: null };
  let nowMs = 0;
  return {
    name,
    run(turns) {
      let digest = 0;
      for (let turn = 0; turn < turns; turn++) {
        nowMs += 0.1;
        request.nowMs = nowMs;
        const endpoint = balancer.pick(request)!;
        balancer.onStart(endpoint, nowMs);
        balancer.onFinish(endpoint, nowMs + 1, 1 + (turn & 7), 'success');
        digest += endpoint.key.length;
      }
      return digest;
    },
  };
}

const policy = {
  on: ['ConnectFailure', 'Reset', 'Unavailable', 'GatewayError'],
  statusCodes: [],
  methods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'],
  idempotencyHeader: 'idempotency-key',
  attempts: 2,
  backoff: { baseMs: 25, maxMs: 250 },
} as const;

function settleCase(): Case {
  const budget = createRetryLimit({
    kind: 'window',
    percent: 20,
    intervalMs: 10_000,
    minRetries: { count: 10, intervalMs: 1000 },
  });
  const endpoint = new EndpointLoad('a', 1);
  const detector = new OutlierDetector<EndpointLoad>(
    {
      consecutiveFailures: 5,
      successRate: null,
      intervalMs: 10_000,
      baseEjectionMs: 10_000,
      maxEjectionMs: 300_000,
      maxEjectedPercent: 50,
    },
    new OutlierCounts(),
    new Xoshiro128(4),
  );
  detector.update([endpoint, new EndpointLoad('b', 1)]);
  let nowMs = 0;
  return {
    name: 'budget.onRequest + outlier.onOutcome, success',
    run(turns) {
      for (let turn = 0; turn < turns; turn++) {
        nowMs += 0.1;
        budget.onRequest(nowMs);
        detector.onOutcome(endpoint, 'success', nowMs);
      }
      return endpoint.successes;
    },
  };
}

function retryCase(): Case {
  const facts = new RetryFacts();
  facts.method = 'GET';
  facts.limit = createRetryLimit({
    kind: 'window',
    percent: 20,
    intervalMs: 10_000,
    minRetries: { count: 10, intervalMs: 1000 },
  });
  const random = new Xoshiro128(3);
  const verdict = new RetryVerdict();
  return {
    name: 'judgeRetry with budget',
    run(turns) {
      let digest = 0;
      for (let turn = 0; turn < turns; turn++) {
        facts.nowMs += 0.1;
        facts.status = (turn & 1) === 0 ? 503 : 200;
        digest += judgeRetry(policy, facts, random, verdict).decision.length;
      }
      return digest;
    },
  };
}

const few = ['/accounts/1', '/transfers?x=1', '/'];
const many = Array.from({ length: 500 }, (_, index) =>
  routeOf(
    `route-${index}`,
    index % 2 === 0 ? 'exact' : 'prefix',
    `/area-${index}/things/${index % 2 === 0 ? '' : 'all/'}`,
  ),
);
const cases: readonly Case[] = [
  matchCase('match: 1,000 hosts, 1 prefix', tableOf(1000, [routeOf('all', 'prefix', '/')]), few),
  matchCase(
    'match: 1,000 hosts, 5 routes',
    tableOf(1000, [
      routeOf('a', 'exact', '/healthz'),
      routeOf('b', 'prefix', '/accounts/'),
      routeOf('c', 'prefix', '/transfers'),
      routeOf('d', 'exact', '/cards'),
      routeOf('e', 'prefix', '/'),
    ]),
    few,
  ),
  matchCase('match: 500 routes, first', tableOf(10, many), ['/area-0/things/']),
  matchCase('match: 500 routes, last', tableOf(10, many), ['/area-499/things/all/x']),
  matchCase('match: 500 routes, none', tableOf(10, many), ['/nothing/of/this?kind=1']),
  balanceCase(
    'latency-aware: pick + start + finish, 3',
    { kind: 'latency-aware', decayMs: 10_000, defaultRttMs: 30 },
    3,
  ),
  balanceCase(
    'latency-aware: pick + start + finish, 300',
    { kind: 'latency-aware', decayMs: 10_000, defaultRttMs: 30 },
    300,
  ),
  balanceCase('least-request: pick + start + finish, 3', { kind: 'least-request', choices: 2 }, 3),
  balanceCase('round-robin: pick + start + finish, 3', { kind: 'round-robin' }, 3),
  balanceCase('random: pick + start + finish, 3', { kind: 'random' }, 3),
  settleCase(),
  retryCase(),
];

export function benchPolicy(quick: boolean): void {
  const turnsPerRound = quick ? 2000 : 200_000;
  for (const { name, run } of cases) measure(name, run, turnsPerRound);
}

function measure(name: string, run: Case['run'], turnsPerRound: number): void {
  run(turnsPerRound);
  const results = Array.from({ length: rounds }, () => {
    const startNs = Bun.nanoseconds();
    const digest = run(turnsPerRound);
    return { digest, ns: (Bun.nanoseconds() - startNs) / turnsPerRound };
  }).sort((left, right) => left.ns - right.ns);
  const digest = results.reduce((total, result) => (total * 31 + result.digest) % 1_000_003, 7);
  console.log(`${name.padEnd(48)} ${results[rounds >> 1]!.ns.toFixed(1).padStart(8)} ns   ${digest}`);
}
