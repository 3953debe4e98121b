// The second incident: a chain of three services, each retrying, and the last of them in trouble: a replica that is
// paused, then all of them failing, then all of them pausing. What it is asked must grow by one budget and a little,
// not by three on top of each other (docs/decisions/0011-retries-in-a-chain.md).

import { silentLog } from '../base/index.ts';
import { createMemoryStore } from '../net/index.ts';
import { Application, type Behaviour, LocalWork, type Work } from './application.ts';
import { Caller } from './caller.ts';
import {
  checkAmplification,
  checkAnswers,
  checkSuccess,
  type LoadSample,
  type RetryBound,
} from './checkers.ts';
import { ClientPool } from './client-pool.ts';
import { SimControl } from './control.ts';
import { type PolicyOverrides, writeEndpoint, writePolicy, writeService } from './manifests.ts';
import { applicationPort, outboundPort, Pod } from './pod.ts';
import { Relay } from './relay.ts';
import type { IncidentReport } from './report.ts';
import { RequestBook } from './request-book.ts';
import { type SimProcess, World } from './world.ts';

export interface ChainOptions {
  readonly seed: number;
  /** Default 20. */
  readonly requestsPerSecond?: number;
  /** Over the policy of every service; a canary breaks it here. */
  readonly policy?: PolicyOverrides;
  /**
   * Canary: proxies are not told that there is another one before the next service, and so do not mark what they
   * repeat.
   */
  readonly unmarked?: boolean;
  /** Canary: applications do not pass on which request they act for. */
  readonly forgetful?: boolean;
}

export interface ChainReport extends IncidentReport {
  /** Requests that each service received for each that the caller sent while the last one was in trouble. */
  readonly amplification: ReadonlyMap<string, number>;
}

const namespace = 'bank';
const chain = ['front', 'accounts', 'ledger'] as const;
const replicas = { front: 2, accounts: 2, ledger: 3 } as const;
/** The defaults of ServicePolicy: 20 % of what came in ten seconds, or 10 in ten seconds. */
const budget: RetryBound = { percent: 20, intervalMs: 10_000, minRetriesPerSecond: 1 };
const requestTimeoutMs = 4000;
/** All hops alike, as defaults are: the attempts of all of them then time out together. */
const policy: PolicyOverrides = { timeouts: { request: `${requestTimeoutMs}ms`, attempt: '1s' } };
const healthy = { serviceMs: 5, status: 200 };

export async function playChain(options: ChainOptions): Promise<ChainReport> {
  const incident = new Chain(options);
  await incident.play();
  return incident.report();
}

class Chain {
  private readonly options: ChainOptions;
  private readonly world: World;
  private readonly store = createMemoryStore();
  private readonly control: SimControl;
  private readonly book = new RequestBook();
  private readonly pods: Pod[] = [];
  private readonly ledgers: Behaviour[] = [];
  private readonly received = new Map<string, number>(chain.map((service) => [service, 0]));
  private readonly samples: LoadSample[] = [];
  private readonly trouble = { fromMs: Infinity, untilMs: Infinity };
  private readonly caller: Caller;

  constructor(options: ChainOptions) {
    this.options = options;
    this.world = new World(options.seed, { latencyMs: 0.5, jitterMs: 1 });
    this.control = new SimControl(this.world, this.store, silentLog);
    const shop = new Pod(this.world, this.control, {
      name: 'shop-0',
      namespace,
      service: 'shop',
      host: '127.0.1.1',
    });
    this.pods.push(shop);
    this.caller = new Caller({
      process: shop.startApplicationProcess(),
      book: this.book,
      trace: this.world.trace,
      address: { kind: 'ip', host: '127.0.0.1', port: outboundPort },
      authority: chain[0],
      requestsPerSecond: options.requestsPerSecond ?? 20,
      keyedShare: 0,
      plainPostShare: 0,
    });
    for (const [depth, service] of chain.entries())
      for (let index = 0; index < replicas[service]; index++) this.createPod(service, depth, index);
  }

  async play(): Promise<void> {
    await this.start();
    this.caller.start();
    await this.run(budget.intervalMs);
    this.trouble.fromMs = this.world.clock.now();
    await this.suffer(this.ledgers.slice(0, 1), { serviceMs: 0, status: 0 });
    await this.suffer(this.ledgers, { serviceMs: 0, status: 503 });
    await this.suffer(this.ledgers, { serviceMs: 0, status: 0 });
    // A retry budget that is used up needs its whole window to come back, and so does an ejected endpoint.
    this.trouble.untilMs = this.world.clock.now() + 2 * budget.intervalMs;
    await this.run(3 * budget.intervalMs);
    this.caller.stop();
    await this.run(requestTimeoutMs + 1000);
  }

  report(): ChainReport {
    const { records } = this.book;
    const failed = records.filter(({ status }) => status >= 500).length;
    const { seed, trace } = this.world;
    const violations = [
      ...checkAnswers(records),
      ...checkSuccess(records, this.trouble),
      ...checkAmplification(this.samples, budget),
    ];
    return {
      seed,
      trace: trace.digest,
      events: trace.count,
      violations,
      requests: records.length,
      failed: { repeatable: failed, other: 0 },
      retries: this.received.get('ledger')! - records.length,
      amplification: this.amplification(),
      lastEvents: trace.takeRecent(),
    };
  }

  private async start(): Promise<void> {
    for (const service of chain) {
      await writeService(this.store, namespace, service);
      await writePolicy(this.store, namespace, service, { ...policy, ...this.options.policy });
    }
    const proxied = this.options.unmarked !== true;
    for (const { options } of this.pods.slice(1)) await writeEndpoint(this.store, options, true, proxied);
    this.control.start();
    for (const pod of this.pods) pod.startSidecar();
    await this.run(1500);
  }

  private async suffer(some: readonly Behaviour[], trouble: Behaviour): Promise<void> {
    for (const behaviour of some) Object.assign(behaviour, trouble);
    await this.run(budget.intervalMs);
    for (const behaviour of some) Object.assign(behaviour, healthy);
    await this.run(budget.intervalMs / 2);
  }

  /** Plays on, and takes a sample each half second. */
  private async run(ms: number): Promise<void> {
    const untilMs = this.world.clock.now() + ms;
    while (this.world.clock.now() < untilMs) {
      await this.world.runUntil(Math.min(untilMs, this.world.clock.now() + 500));
      const received = new Map(this.received);
      this.samples.push({ atMs: this.world.clock.now(), requests: this.book.records.length, received });
      this.world.trace.add(`received ${[...received.values()].join(' ')}`);
    }
  }

  private amplification(): ReadonlyMap<string, number> {
    const { fromMs, untilMs } = this.trouble;
    const within = this.samples.filter(
      ({ atMs }) => atMs >= fromMs && atMs <= untilMs - 2 * budget.intervalMs,
    );
    const [first, last] = [within[0]!, within.at(-1)!];
    const factor = (service: string) =>
      (last.received.get(service)! - first.received.get(service)!) / (last.requests - first.requests);
    return new Map(chain.map((service) => [service, factor(service)]));
  }

  private createPod(service: (typeof chain)[number], depth: number, index: number): void {
    const host = `127.0.1.${10 * (depth + 1) + index}`;
    const pod = new Pod(this.world, this.control, {
      name: `${service}-${index}`,
      namespace,
      service,
      host,
    });
    this.pods.push(pod);
    const process = pod.startApplicationProcess();
    const address = { kind: 'ip', host: '127.0.0.1', port: applicationPort } as const;
    new Application(process, address, this.createWork(service, depth, process, index));
  }

  private createWork(service: string, depth: number, process: SimProcess, index: number): Work {
    const onRequest = () => void this.received.set(service, this.received.get(service)! + 1);
    const next = chain[depth + 1];
    if (next === undefined) {
      const behaviour = { ...healthy };
      this.ledgers.push(behaviour);
      return new LocalWork(process, this.book, behaviour, onRequest);
    }
    return new Relay({
      pool: new ClientPool(process, { kind: 'ip', host: '127.0.0.1', port: outboundPort }),
      next,
      propagates: this.options.forgetful !== true,
      cancels: index === 0,
      onRequest,
    });
  }
}
