// The first incident: a caller and a service of three replicas, sidecars everywhere, a control plane; crashes, a slow
// replica, a failing one, and a control plane that is away while the world changes. What happens is fixed; when, and
// how the network behaves, is the seed's.

import { type Random, silentLog } from '../base/index.ts';
import { createMemoryStore, type LinkConditions } from '../net/index.ts';
import { Application, type Behaviour, LocalWork } from './application.ts';
import { Caller } from './caller.ts';
import {
  checkAnswers,
  checkConfiguration,
  checkExecutions,
  checkRetryBudget,
  checkSuccess,
  type RetryBound,
  type RetrySample,
} from './checkers.ts';
import { SimControl } from './control.ts';
import type { Http2Faults } from './http2-application.ts';
import { type PolicyOverrides, writeEndpoint, writePolicy, writeRoute, writeService } from './manifests.ts';
import { applicationPort, outboundPort, Pod, type PodOptions } from './pod.ts';
import type { IncidentReport } from './report.ts';
import { RequestBook } from './request-book.ts';
import { appProtocols, type Speech } from './speech.ts';
import { Troubles } from './troubles.ts';
import { type SimProcess, World } from './world.ts';

export interface IncidentOptions {
  readonly seed: number;
  /** Default 100. */
  readonly requestsPerSecond?: number;
  /** The network between pods, over the incident's own. */
  readonly conditions?: Partial<LinkConditions>;
  /** Over the policy that the incident is made for; a canary breaks it here. */
  readonly policy?: PolicyOverrides;
  /** What the programs speak; default HTTP/1.1. */
  readonly speech?: Speech;
  /** Canary: the caller's proxy loses the control plane for good, and so must miss the last changes. */
  readonly deafProxy?: boolean;
}

/** Between pods: one zone, with a little of everything that a network does. */
const network: Partial<LinkConditions> = { latencyMs: 0.5, jitterMs: 1, lossShare: 0.0005, splitShare: 0.05 };
const namespace = 'bank';
const service = 'ledger';
const replicas = 3;
/** The defaults of ServicePolicy, which the incident's mesh runs with. */
const budget: RetryBound = { percent: 20, intervalMs: 10_000, minRetriesPerSecond: 10 };
/** The route's; nothing that is still open this long after the last request will ever be answered. */
const requestTimeoutMs = 4000;
const policy: PolicyOverrides = {
  retry: { idempotencyHeader: 'idempotency-key' },
  timeouts: { request: '4s', attempt: '1s' },
};

export async function playIncident(options: IncidentOptions): Promise<IncidentReport> {
  const incident = new Incident(options);
  await incident.play();
  return incident.report();
}

/** One replica: its pod, and the application in it while it runs. */
interface Replica {
  readonly pod: Pod;
  readonly behaviour: Behaviour;
  readonly faults: Http2Faults;
  application: SimProcess;
}

class Incident {
  private readonly options: IncidentOptions;
  private readonly speech: Speech;
  private readonly world: World;
  private readonly random: Random;
  private readonly store = createMemoryStore();
  private readonly control: SimControl;
  private readonly book = new RequestBook();
  private readonly replicas: Replica[] = [];
  private readonly samples: RetrySample[] = [];
  private readonly failing = { fromMs: Infinity, untilMs: Infinity };
  private restoredFrom = '';
  private readonly callerPod: Pod;
  private readonly troubles: Troubles;
  private readonly caller: Caller;

  constructor(options: IncidentOptions) {
    this.options = options;
    this.speech = options.speech ?? 'http1';
    this.world = new World(options.seed, { ...network, ...options.conditions });
    this.random = this.world.forkRandom();
    this.control = new SimControl(this.world, this.store, silentLog);
    this.callerPod = this.createPod('shop-0', 'shop', 1);
    this.caller = new Caller({
      process: this.callerPod.startApplicationProcess(),
      book: this.book,
      trace: this.world.trace,
      address: { kind: 'ip', host: '127.0.0.1', port: outboundPort },
      authority: service,
      requestsPerSecond: options.requestsPerSecond ?? 100,
      speech: this.speech,
      keyedShare: 0.2,
      plainPostShare: 0.1,
    });
    for (let index = 0; index < replicas; index++) this.replicas.push(this.createReplica(index));
    const hosts = this.replicas.map(({ pod }) => pod.options.host);
    this.troubles = new Troubles(this.callerPod.options.host, hosts);
    this.world.troubles = this.troubles;
  }

  async play(): Promise<void> {
    await this.start();
    this.caller.start();
    await this.run(2000);
    await this.crashApplication(this.replicas[0]!);
    await this.crashPod(this.replicas[1]!);
    await this.slowDown(this.replicas[2]!);
    if (this.speech !== 'http1') await this.misbehave();
    await this.cutOff(this.replicas[1]!);
    await this.loseControlPlane();
    // Last: it uses the retry budget up, and what breaks in the seconds after that is not hidden from callers.
    await this.failEverywhere();
    this.caller.stop();
    await this.run(requestTimeoutMs + 1000);
  }

  report(): IncidentReport {
    const { records } = this.book;
    const failed = records.filter(({ status }) => status >= 500);
    const repeatable = failed.filter((record) => record.repeatable).length;
    const { seed, trace } = this.world;
    return {
      seed,
      trace: trace.digest,
      events: trace.count,
      violations: this.check(),
      requests: records.length,
      failed: { repeatable, other: failed.length - repeatable },
      retries: this.samples.at(-1)?.retries ?? 0,
      lastEvents: trace.takeRecent(),
    };
  }

  private check(): string[] {
    const plane = this.control.plane!;
    const pods = [this.callerPod, ...this.replicas.map(({ pod }) => pod)];
    return [
      ...checkAnswers(this.book.records),
      ...checkExecutions(this.book.records),
      ...checkSuccess(this.book.records, this.failing, this.troubles),
      ...checkRetryBudget(this.samples, budget),
      ...(this.restoredFrom === 'last-good' ? [] : ['a proxy came back without its last good configuration']),
      ...pods.flatMap((pod) => checkConfiguration(pod.options.name, pod.proxy!, plane)),
    ];
  }

  private async start(): Promise<void> {
    await writeService(this.store, namespace, service, appProtocols[this.speech]);
    await writePolicy(this.store, namespace, service, { ...policy, ...this.options.policy });
    await writeRoute(this.store, namespace, service, `${requestTimeoutMs}ms`);
    for (const { pod } of this.replicas) await writeEndpoint(this.store, pod.options, true);
    this.control.start();
    this.callerPod.startSidecar();
    for (const { pod } of this.replicas) pod.startSidecar();
    await this.run(1500);
  }

  /** SIGKILL of the application alone: its sidecar answers for it until the endpoint is gone. */
  private async crashApplication(replica: Replica): Promise<void> {
    replica.application.kill();
    await this.run(this.between(200, 1500));
    await writeEndpoint(this.store, replica.pod.options, false);
    await this.run(this.between(500, 2000));
    this.startApplication(replica);
    await writeEndpoint(this.store, replica.pod.options, true);
    await this.run(2000);
  }

  /** SIGKILL of both: connections are refused until the endpoint is gone. */
  private async crashPod(replica: Replica): Promise<void> {
    replica.application.kill();
    replica.pod.crashSidecar();
    await this.run(this.between(200, 1500));
    await writeEndpoint(this.store, replica.pod.options, false);
    await this.run(this.between(500, 2000));
    this.startApplication(replica);
    replica.pod.startSidecar();
    await this.run(1000);
    await writeEndpoint(this.store, replica.pod.options, true);
    await this.run(2000);
  }

  private async slowDown(replica: Replica): Promise<void> {
    replica.behaviour.serviceMs = 200;
    await this.run(this.between(2000, 4000));
    replica.behaviour.serviceMs = 10;
    await this.run(1000);
  }

  /** One replica ends its connections under load, another resets requests that it did not begin. */
  private async misbehave(): Promise<void> {
    const [first, , third] = this.replicas as [Replica, Replica, Replica];
    first.faults.goawayEvery = 10;
    third.faults.resetEvery = 12;
    await this.run(this.between(2000, 4000));
    first.faults.goawayEvery = 0;
    third.faults.resetEvery = 0;
    await this.run(2000);
  }

  /** Nothing passes between the caller and a replica: no refusal, no reset, only silence. */
  private async cutOff(replica: Replica): Promise<void> {
    const hosts = [this.callerPod.options.host, replica.pod.options.host] as const;
    await this.world.partitionFor(...hosts, this.between(1000, 3000), (ms) => this.run(ms));
    await this.run(2000);
  }

  /** Every replica answers 503: retries cannot help, and must not multiply the load. */
  private async failEverywhere(): Promise<void> {
    this.failing.fromMs = this.world.clock.now();
    for (const { behaviour } of this.replicas) behaviour.status = 503;
    await this.run(this.between(2000, 4000));
    for (const { behaviour } of this.replicas) behaviour.status = 200;
    // A retry budget that is used up needs its whole window to come back.
    this.failing.untilMs = this.world.clock.now() + budget.intervalMs;
    await this.run(2000);
  }

  /** While it is down an endpoint and a route change, and a proxy restarts from its last good configuration. */
  private async loseControlPlane(): Promise<void> {
    const [first, second] = this.replicas as [Replica, Replica];
    this.control.crash();
    await this.run(this.between(500, 2000));
    await writeEndpoint(this.store, first.pod.options, false);
    await writeRoute(this.store, namespace, service, `${requestTimeoutMs - 500}ms`);
    second.pod.crashSidecar();
    await this.run(500);
    second.pod.startSidecar();
    await this.run(this.between(2000, 4000));
    this.restoredFrom = second.pod.proxy!.config.origin;
    if (this.options.deafProxy === true) this.callerPod.hangUp();
    this.control.start();
    await this.run(this.between(2000, 4000));
    await writeEndpoint(this.store, first.pod.options, true);
    // The longest wait of a proxy before it tries to connect again.
    await this.run(8000);
  }

  /** Plays on, and takes a sample of the retries each half second. */
  private async run(ms: number): Promise<void> {
    const untilMs = this.world.clock.now() + ms;
    while (this.world.clock.now() < untilMs) {
      await this.world.runUntil(Math.min(untilMs, this.world.clock.now() + 500));
      this.sample();
    }
  }

  private sample(): void {
    const cluster = this.callerPod.proxy?.view.clusters.get(`${namespace}/${service}:80`);
    if (cluster === undefined) return;
    const { requests, retries } = cluster.stats;
    this.samples.push({ atMs: this.world.clock.now(), requests, retries });
    this.world.trace.add(`caller requests ${requests} retries ${retries}`);
  }

  private createPod(name: string, app: string, index: number): Pod {
    const options: PodOptions = { name, namespace, service: app, host: `127.0.1.${index}` };
    return new Pod(this.world, this.control, options);
  }

  private createReplica(index: number): Replica {
    const pod = this.createPod(`${service}-${index}`, service, 10 + index);
    const behaviour = { serviceMs: 10, status: 200 };
    const faults = { goawayEvery: 0, resetEvery: 0 };
    const replica = { pod, behaviour, faults, application: pod.startApplicationProcess() };
    this.serve(replica);
    return replica;
  }

  private startApplication(replica: Replica): void {
    replica.application = replica.pod.startApplicationProcess();
    this.serve(replica);
  }

  private serve({ application, behaviour, faults }: Replica): Application {
    const address = { kind: 'ip', host: '127.0.0.1', port: applicationPort } as const;
    return new Application(application, address, new LocalWork(application, this.book, behaviour), {
      speech: this.speech,
      faults,
    });
  }

  private between(minMs: number, maxMs: number): number {
    return minMs + this.random.float() * (maxMs - minMs);
  }
}
