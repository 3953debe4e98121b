// The clusters of a proxy by name. One that nobody has called is only what its configuration says: it becomes a runtime
// object, with endpoints, pools and counters, at the first request. In a mesh most services are known to a proxy and
// few are called by it (measured with ten endpoints each, kB of heap a cluster: 20 all awake, 7 asleep).

import type { ClusterConfig, EndpointAssignment, Snapshot } from '../config/types.ts';
import type { ProxyContext } from '../context.ts';
import type { ClusterView } from '../stats/index.ts';
import { Cluster } from './cluster.ts';
import { DnsEndpoints } from './dns-endpoints.ts';
import { SleepingCluster } from './sleeping-cluster.ts';

export class ClusterTable {
  private readonly context: () => ProxyContext;
  private readonly awake = new Map<string, Cluster>();
  private readonly asleep = new Map<string, SleepingCluster>();
  private readonly resolving = new Map<string, DnsEndpoints>();
  /** Clusters that left the configuration and still have connections. */
  private readonly retired = new Set<Cluster>();

  /** Of the snapshot that was applied last. */
  private version = '';

  /** `context`: it has this table in it. */
  constructor(context: () => ProxyContext) {
    this.context = context;
  }

  get size(): number {
    return this.awake.size + this.asleep.size;
  }

  has(name: string): boolean {
    return this.awake.has(name) || this.asleep.has(name);
  }

  /** For who is about to use it. */
  get(name: string): Cluster | undefined {
    return this.awake.get(name) ?? this.wake(name);
  }

  keys(): readonly string[] {
    return [...this.awake.keys(), ...this.asleep.keys()];
  }

  /** For who looks: nobody is woken by it. */
  *values(): Iterable<ClusterView> {
    yield* this.awake.values();
    yield* this.asleep.values();
  }

  /** Those that were called, or have work of their own. */
  running(): Iterable<Cluster> {
    return this.awake.values();
  }

  /** Names of clusters with those of their addresses that were never looked up. */
  *unresolved(): Iterable<readonly [cluster: string, names: Iterable<string>]> {
    for (const [name, { awaited }] of this.resolving) yield [name, awaited];
  }

  /** Takes in what there is; what there is no more goes by {@link retain}, after the routes that name it. */
  apply(snapshot: Snapshot): void {
    const { changed } = snapshot;
    const names = changed?.since === this.version ? changed.clusters : snapshot.clusters.keys();
    this.version = snapshot.version;
    for (const name of names) {
      const config = snapshot.clusters.get(name);
      if (config === undefined) continue;
      const assignment = snapshot.endpoints.get(name) ?? null;
      const cluster = this.awake.get(name);
      if (cluster !== undefined) {
        if (cluster.config !== config) cluster.update(config);
        this.assign(cluster, assignment);
      } else {
        const known = this.asleep.get(name);
        if (known?.config !== config || known.assigned !== assignment)
          this.asleep.set(name, new SleepingCluster(this.context(), config, assignment));
        if (this.worksUnasked(config)) this.wake(name);
      }
    }
  }

  retain(snapshot: Snapshot): void {
    for (const cluster of this.retired) {
      if (cluster.stats.connectionsActive > 0 || cluster.stats.active > 0) continue;
      this.retired.delete(cluster);
      cluster.dispose();
    }
    for (const name of this.asleep.keys()) if (!snapshot.clusters.has(name)) this.asleep.delete(name);
    for (const [name, cluster] of this.awake) {
      if (snapshot.clusters.has(name)) continue;
      this.awake.delete(name);
      this.stopResolving(name);
      cluster.retire();
      this.retired.add(cluster);
    }
  }

  /** Another thread of the proxy changed what the clusters of that name share. */
  look(name: string): void {
    this.get(name)?.look();
    for (const retired of this.retired) if (retired.name === name) retired.look();
  }

  /** Ends everything at once. */
  reset(): void {
    for (const names of this.resolving.values()) names.stop();
    for (const cluster of [...this.awake.values(), ...this.retired]) cluster.reset();
  }

  private wake(name: string): Cluster | undefined {
    const sleeping = this.asleep.get(name);
    if (sleeping === undefined) return undefined;
    this.asleep.delete(name);
    const cluster = new Cluster(this.context(), sleeping.config);
    this.awake.set(name, cluster);
    this.assign(cluster, sleeping.assigned);
    return cluster;
  }

  private assign(cluster: Cluster, assignment: EndpointAssignment | null): void {
    if (assignment === null || assignment === cluster.assigned) return;
    const { name } = cluster;
    cluster.assigned = assignment;
    this.stopResolving(name);
    if (cluster.config.discovery === 'dns')
      this.resolving.set(name, new DnsEndpoints(this.context(), cluster, assignment));
    else cluster.assign(assignment);
  }

  private stopResolving(name: string): void {
    this.resolving.get(name)?.stop();
    this.resolving.delete(name);
  }

  /** Checks run, names are looked up, and others go by its endpoints, whether it is called or not. */
  private worksUnasked({ name, health, discovery }: ClusterConfig): boolean {
    return health !== null || discovery === 'dns' || this.context().local?.name === name;
  }
}
