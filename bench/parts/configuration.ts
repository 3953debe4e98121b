// What a change of configuration holds up requests for, and what a Service costs that is known and not called: a whole
// proxy in memory is told of 1,000 and of 5,000 Services as a control plane tells it, then of one more, of an endpoint,
// and is let save. Usage: `npm run bench -- configuration`. Times are the longest turn of the data path's thread.

import type { JsonValue } from '@bufbuild/protobuf';
import { createMemoryStore } from '../../src/net/index.ts';
import { parseBootstrap } from '../../src/proxy/config/index.ts';
import { configLimits } from '../../src/proxy/config/limits.ts';
import { listenerJson, resourceOf } from '../../src/proxy/config/testing/resources.ts';
import { WholeProxy } from '../../src/proxy/testing/whole-proxy.ts';
import { typeUrls, type XdsResource } from '../../src/xds/index.ts';

const bootstrapFile = new URL('../../src/proxy/config/testdata/sidecar-ads.yaml', import.meta.url).pathname;

/** As large as the control plane makes them: some 900 bytes a Service. */
function clusterOf(index: number): XdsResource {
  const name = clusterNameOf(index);
  return resourceOf(typeUrls.cluster, name, {
    name,
    type: 'EDS',
    edsClusterConfig: { edsConfig: { ads: {}, resourceApiVersion: 'V3' }, serviceName: name },
    connectTimeout: '1s',
    lbPolicy: 'LEAST_REQUEST',
    circuitBreakers: { thresholds: [{ maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024 }] },
    outlierDetection: { consecutive5xx: 5, interval: '5s', baseEjectionTime: '30s', maxEjectionPercent: 50 },
    metadata: {
      filterMetadata: { weft: { service: `namespace-${index % 50}/service-${index}`, port: 8080 } },
    },
  });
}

const clusterNameOf = (index: number) => `namespace-${index % 50}/service-${index}:8080`;

function endpointsOf(index: number, change = 0): XdsResource {
  const name = clusterNameOf(index);
  const lbEndpoints = [0, 1, 2].map((host) => ({
    endpoint: {
      address: {
        socketAddress: { address: `10.${index >> 8}.${index & 255}.${host + 1 + change}`, portValue: 8080 },
      },
    },
  }));
  const endpoints = [{ locality: { zone: 'a' }, lbEndpoints }];
  return resourceOf(typeUrls.endpoint, name, { clusterName: name, endpoints }, `${change}`);
}

function routesOf(count: number): XdsResource {
  const virtualHosts: JsonValue[] = Array.from({ length: count }, (_, index) => {
    const host = `service-${index}.namespace-${index % 50}`;
    const route = {
      cluster: clusterNameOf(index),
      timeout: '15s',
      retryPolicy: { retryOn: '5xx', numRetries: 2 },
    };
    return {
      name: clusterNameOf(index),
      domains: [
        host,
        `${host}.svc`,
        `${host}.svc.cluster.local`,
        `${host}:8080`,
        `${host}.svc.cluster.local:8080`,
      ],
      routes: [{ match: { prefix: '/' }, route }],
    };
  });
  return resourceOf(typeUrls.route, 'outbound', { name: 'outbound', virtualHosts }, `${count}`);
}

class Told {
  readonly whole: WholeProxy;
  readonly store = createMemoryStore();
  private version = 0;

  constructor() {
    const parsed = parseBootstrap(bootstrapText, { fileName: bootstrapFile, version: '0' });
    if (!parsed.ok) throw new Error('the bench’s bootstrap is valid');
    this.whole = new WholeProxy({ bootstrap: parsed.value, store: this.store, stateDir: '/state' });
  }

  /** Longest of its turns, in milliseconds. */
  tell(...changed: readonly XdsResource[]): number {
    const types = [...new Set(changed.map(({ typeUrl }) => typeUrl))];
    return Math.max(
      ...types.map((typeUrl) => {
        const ofType = changed.filter((resource) => resource.typeUrl === typeUrl);
        const update = { typeUrl, version: `${this.version++}`, changed: ofType, removed: [] };
        return timeOf(() => {
          const issues = this.whole.proxy.config.onUpdate(update);
          if (issues.length > 0) throw new Error(JSON.stringify(issues[0]));
        });
      }),
    );
  }

  /** Longest turn in which some of it is made, and all of them together. */
  async save(
    forMs: number,
  ): Promise<{ readonly longest: number; readonly all: number; readonly bytes: number }> {
    const before = await this.bytes();
    const times: number[] = [];
    for (let ms = 0; ms < forMs; ms++) times.push(timeOf(() => this.whole.clock.advanceBy(1)));
    await Bun.sleep(1);
    const over = times.filter((time) => time > 0.02);
    return {
      longest: Math.max(...times),
      all: over.reduce((sum, time) => sum + time, 0),
      bytes: (await this.bytes()) - before,
    };
  }

  private async bytes(): Promise<number> {
    const files = await this.store.list('/state');
    const contents = await Promise.all(files.map((file) => this.store.read(`/state/${file}`)));
    return contents.reduce((sum, content) => sum + (content?.length ?? 0), 0);
  }
}

/** With its slices; all that is played ends before the proxy stops waiting for a control plane that is not there. */
const saveAfterMs = configLimits.saveAfterMs + 500;
const bootstrapText = await Bun.file(bootstrapFile).text();

function timeOf(work: () => void): number {
  const fromMs = performance.now();
  work();
  return performance.now() - fromMs;
}

/** Bytes of the heap and what hangs on it, settled. */
async function heapBytes(): Promise<number> {
  const { fullGC, heapStats } = await import('bun:jsc');
  for (let round = 0; round < 3; round++) {
    fullGC();
    await Bun.sleep(10);
  }
  const { extraMemorySize, heapSize } = heapStats();
  return heapSize + extraMemorySize;
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const ms = (value: number) => `${value.toFixed(1)} ms`;

/** What it prints: a bound for each is in its test. */
export interface ConfigurationCost {
  readonly bytesEach: number;
  readonly addedMs: number;
  readonly endpointMs: number;
  readonly firstSaveMs: number;
  readonly changeSaveMs: number;
  readonly changeSaveBytes: number;
}

async function measure(services: number): Promise<ConfigurationCost> {
  const told = new Told();
  const tellAll = (count: number) => {
    const indexes = Array.from({ length: count }, (_, index) => index);
    told.tell(...indexes.map(clusterOf));
    told.tell(...indexes.map((index) => endpointsOf(index)));
    told.tell(routesOf(count));
  };
  told.tell(resourceOf(typeUrls.listener, 'out', listenerJson('out', 'outbound')));
  // What is made once, compiled code included, is no Service's.
  tellAll(services / 5);
  const before = await heapBytes();
  tellAll(services);
  const bytesEach = ((await heapBytes()) - before) / (services * 0.8);
  const first = await told.save(saveAfterMs);
  const rounds = [0, 1, 2, 3, 4];
  const added = rounds.map((round) => {
    const index = services + round;
    return told.tell(clusterOf(index), endpointsOf(index), routesOf(index + 1));
  });
  await told.save(configLimits.saveEveryMs);
  const endpoint = rounds.map((round) => told.tell(endpointsOf(7, round + 1)));
  const change = await told.save(configLimits.saveEveryMs);
  const kB = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;
  console.log(`
${services.toLocaleString('en')} Services, one listener and one table
a Service that is known and not called   ${kB(bytesEach)}
a Service more                           ${ms(median(added))} (longest turn; median of ${rounds.length})
an endpoint changes                      ${ms(median(endpoint))}
first save, ${kB(first.bytes)}           ${ms(first.longest)} the longest turn, ${ms(first.all)} all of them
save of an endpoint, ${kB(change.bytes)} ${ms(change.longest)}`);
  return {
    bytesEach,
    addedMs: median(added),
    endpointMs: median(endpoint),
    firstSaveMs: first.longest,
    changeSaveMs: change.longest,
    changeSaveBytes: change.bytes,
  };
}

export async function benchConfiguration(quick: boolean): Promise<void> {
  for (const services of quick ? [200] : [1_000, 5_000]) await measure(services);
}
