// A whole proxy in memory and virtual time: control plane, proxy with its admin interface, and an origin on one
// network.

import { silentLog, VirtualClock, Xoshiro128 } from '../../base/index.ts';
import {
  createMemoryNetwork,
  createMemoryResolver,
  createMemoryStore,
  type MemoryStore,
} from '../../net/index.ts';
import { createJsonLog } from '../../observe/index.ts';
import {
  AdsServer,
  createMemoryAdsTransport,
  createSnapshot,
  type MemoryAdsTransport,
  NamedResources,
  PartlyNamed,
  ResourceSet,
  type SnapshotWatcher,
  typeUrls,
  virtualHostType,
  type XdsResource,
  type XdsSnapshot,
} from '../../xds/index.ts';
import type { ProcessInfo } from '../admin/index.ts';
import { type Bootstrap, parseBootstrap } from '../config/index.ts';
import { createProxy, type Proxy as RunningProxy } from '../proxy.ts';
import { ip } from './configs.ts';
import { Origin, TestClient } from './peers.ts';

export const adminPort = 15_000;
export const readinessPort = 15_021;

export interface WholeProxyOptions {
  readonly bootstrap: Bootstrap;
  readonly store?: MemoryStore;
  readonly stateDir?: string;
  readonly process?: ProcessInfo;
  /** Virtual hosts are sent to who names them alone; false by default. */
  readonly hostsOnDemand?: boolean;
  /** Clusters that are sent to who names them alone; none by default. */
  readonly namedClusters?: (name: string) => boolean;
}

export class WholeProxy {
  readonly clock = new VirtualClock();
  readonly random = new Xoshiro128(1);
  readonly network = createMemoryNetwork({ clock: this.clock, random: this.random });
  readonly origin = new Origin(this.network, ip(9000));
  readonly store: MemoryStore;
  readonly transport: MemoryAdsTransport;
  readonly proxy: RunningProxy;
  readonly logLines: string[] = [];
  quits = 0;
  private current: XdsSnapshot | null = null;
  private readonly hostsOnDemand: boolean;
  private readonly isNamed: ((name: string) => boolean) | undefined;
  private readonly watchers = new Set<SnapshotWatcher>();

  constructor(options: WholeProxyOptions) {
    this.store = options.store ?? createMemoryStore();
    this.hostsOnDemand = options.hostsOnDemand ?? false;
    this.isNamed = options.namedClusters;
    const server = new AdsServer({
      clock: this.clock,
      log: silentLog,
      snapshotFor: () => ({
        current: () => this.current,
        watch: (watcher) => {
          this.watchers.add(watcher);
          return () => this.watchers.delete(watcher);
        },
      }),
    });
    this.transport = createMemoryAdsTransport(server, { clock: this.clock });
    this.proxy = createProxy({
      clock: this.clock,
      random: this.random,
      network: this.network,
      resolver: createMemoryResolver(),
      store: this.store,
      log: createJsonLog('info', { write: (line) => this.logLines.push(line) }, () => this.clock.wall()),
      bootstrap: options.bootstrap,
      version: '1.2.3',
      createAdsTransport: () => this.transport,
      stateDir: options.stateDir ?? null,
      admin: ip(adminPort),
      readiness: ip(readinessPort),
      drainTimeoutMs: null,
      process: options.process ?? null,
      onQuit: () => {
        this.quits += 1;
      },
    });
    this.proxy.start();
  }

  publish(resources: readonly XdsResource[]): void {
    const whole = createSnapshot(resources, this.current);
    const named = this.hostsOnDemand ? nameHosts(whole) : whole;
    this.current = this.isNamed === undefined ? named : nameClusters(named, this.isNamed);
    for (const watcher of this.watchers) watcher.onSnapshot();
    this.clock.advanceBy(100);
  }

  /** Sends one request and returns the whole answer as text. */
  ask(method: string, target: string, port = adminPort, fields: readonly string[] = []): string {
    const client = new TestClient(this.network, ip(port));
    const lines = [`${method} ${target} HTTP/1.1`, 'host: admin', 'connection: close', ...fields, '', ''];
    client.send(lines.join('\r\n'));
    this.clock.advanceBy(2_000);
    return client.received;
  }

  body(target: string, port = adminPort): string {
    const received = this.ask('GET', target, port);
    const split = received.indexOf('\r\n\r\n') + 4;
    const body = received.slice(split);
    const whole = received.slice(0, split).includes('transfer-encoding: chunked') ? dechunk(body) : body;
    return Buffer.from(whole, 'latin1').toString('utf8');
  }

  json(target: string): unknown {
    return JSON.parse(this.body(target));
  }
}

function nameHosts(snapshot: XdsSnapshot): XdsSnapshot {
  const hosts = ResourceSet.of(snapshot.resources.get(virtualHostType)?.values() ?? []);
  const named = new NamedResources('table/', hosts, (name) => hosts.get(name));
  return { ...snapshot, resources: new Map([...snapshot.resources, [virtualHostType, named]]) };
}

function nameClusters(snapshot: XdsSnapshot, isNamed: (name: string) => boolean): XdsSnapshot {
  const clusters = [...(snapshot.resources.get(typeUrls.cluster)?.values() ?? [])];
  const partly = new PartlyNamed(
    ResourceSet.of(clusters.filter(({ name }) => !isNamed(name))),
    ResourceSet.of(clusters.filter(({ name }) => isNamed(name))),
  );
  return { ...snapshot, resources: new Map([...snapshot.resources, [typeUrls.cluster, partly]]) };
}

export function bootstrapOf(text: string): Bootstrap {
  const parsed = parseBootstrap(text, { fileName: 'test', version: '1.2.3' });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}

function dechunk(body: string): string {
  let text = '';
  for (let at = 0; at < body.length; ) {
    const lineEnd = body.indexOf('\r\n', at);
    const length = Number.parseInt(body.slice(at, lineEnd), 16);
    if (length === 0) return text;
    text += body.slice(lineEnd + 2, lineEnd + 2 + length);
    at = lineEnd + 2 + length + 2;
  }
  throw new Error('a chunked body without its end');
}
