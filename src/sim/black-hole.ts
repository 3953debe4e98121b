// Nodes that vanish without a word: nothing passes between a caller and some replicas, no refusal, no reset. Their
// endpoints stay in the configuration, as they do until Kubernetes has noticed (40 s by its defaults). What is
// promised: requests find out for so long as it takes one of them to wait for a connection or for an answer, and no
// request after that; and when the nodes are back, so are their endpoints, without a request that tried.

import { silentLog } from '../base/index.ts';
import { createMemoryStore } from '../net/index.ts';
import { Application, LocalWork } from './application.ts';
import { Caller } from './caller.ts';
import { SimControl } from './control.ts';
import { type PolicyOverrides, writeEndpoint, writePolicy, writeService } from './manifests.ts';
import { applicationPort, outboundPort, Pod } from './pod.ts';
import { RequestBook } from './request-book.ts';
import { appProtocols, type Speech } from './speech.ts';
import { World } from './world.ts';

export interface BlackHoleOptions {
  readonly seed: number;
  readonly replicas: number;
  /** Of them, how many vanish. */
  readonly vanish: number;
  readonly requestsPerSecond: number;
  readonly speech: Speech;
}

export interface BlackHoleReport {
  readonly requests: number;
  readonly failed: number;
  /** Requests that waited for somebody who was not there, by when they were sent, in ms after the vanishing. */
  readonly noticedAtMs: readonly number[];
  /** Of the endpoints that were cut off: out of reach at the end of the cut, and after they were back. */
  readonly lost: readonly [during: number, after: number];
  /** Calls that those executed after they were back. */
  readonly servedAgain: number;
}

const namespace = 'bank';
const service = 'ledger';
const policy: PolicyOverrides = {
  retry: { idempotencyHeader: 'idempotency-key' },
  timeouts: { request: '4s', attempt: '1s', connect: '1s' },
};
/** No replica that is there takes nearly so long. */
const noticedMs = 500;
const cutMs = 30_000;

export async function playBlackHole(options: BlackHoleOptions): Promise<BlackHoleReport> {
  const world = new World(options.seed, { latencyMs: 0.5, jitterMs: 1 });
  const store = createMemoryStore();
  const control = new SimControl(world, store, silentLog);
  const book = new RequestBook();
  const shop = new Pod(world, control, { name: 'shop-0', namespace, service: 'shop', host: '127.0.1.1' });
  const served = Array.from({ length: options.replicas }, () => 0);
  const pods = served.map((_, index) => {
    const host = `127.0.1.${10 + index}`;
    const pod = new Pod(world, control, { name: `${service}-${index}`, namespace, service, host });
    const process = pod.startApplicationProcess();
    const count = () => {
      served[index]! += 1;
    };
    const work = new LocalWork(process, book, { serviceMs: 10, status: 200 }, count);
    const address = { kind: 'ip', host: '127.0.0.1', port: applicationPort } as const;
    new Application(process, address, work, {
      speech: options.speech,
      faults: { goawayEvery: 0, resetEvery: 0 },
    });
    return pod;
  });
  await writeService(store, namespace, service, appProtocols[options.speech]);
  await writePolicy(store, namespace, service, policy);
  for (const pod of pods) await writeEndpoint(store, pod.options, true);
  control.start();
  for (const pod of [shop, ...pods]) pod.startSidecar();
  await world.runFor(1500);
  const caller = new Caller({
    process: shop.startApplicationProcess(),
    book,
    trace: world.trace,
    address: { kind: 'ip', host: '127.0.0.1', port: outboundPort },
    authority: service,
    requestsPerSecond: options.requestsPerSecond,
    speech: options.speech,
    keyedShare: 0.2,
    plainPostShare: 0,
  });
  caller.start();
  await world.runFor(3000);
  const gone = pods.slice(0, options.vanish);
  const cutAtMs = world.clock.now();
  for (const pod of gone) world.network.partition(shop.options.host, pod.options.host);
  await world.runFor(cutMs);
  const lost = () => {
    const cluster = shop.proxy?.view.clusters.get(`${namespace}/${service}:80`);
    return cluster?.endpoints.filter(({ unreachable }) => unreachable).length ?? -1;
  };
  const during = lost();
  for (const pod of gone) world.network.heal(shop.options.host, pod.options.host);
  const before = served.slice(0, options.vanish).reduce((sum, count) => sum + count, 0);
  await world.runFor(25_000);
  caller.stop();
  await world.runFor(5000);
  const noticed = book.records.filter(
    ({ sentMs, endMs }) => sentMs >= cutAtMs && endMs - sentMs >= noticedMs,
  );
  return {
    requests: book.records.length,
    failed: book.records.filter(({ status }) => status !== 200).length,
    noticedAtMs: noticed.map(({ sentMs }) => sentMs - cutAtMs),
    lost: [during, lost()],
    servedAgain: served.slice(0, options.vanish).reduce((sum, count) => sum + count, 0) - before,
  };
}
