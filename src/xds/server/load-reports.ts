// What clients of any make say of the requests that they sent, by cluster and locality (LRS). Counted are clusters that
// the mesh knows, and localities in which these have endpoints, so that no client makes this grow; what one says of
// itself is as true as the client is.

import {
  loadClustersMax,
  loadIntervalMs,
  loadLocalitiesMax,
  loadStreamsMax,
  loadStreamsPerPeerMax,
} from '../limits.ts';

/** Of one locality of a cluster, or summed: since the client's last report, or since the start where it is kept. */
export interface LoadCounts {
  /** Requests begun. */
  issued: number;
  succeeded: number;
  failed: number;
}

/** One locality in a client's report. */
export interface LocalityLoad extends Readonly<LoadCounts> {
  /** `region/zone/sub_zone`; empty parts at the end are left out. */
  readonly locality: string;
  /** At the time of the report. */
  readonly inProgress: number;
}

/** One cluster in a client's report. */
export interface ClusterLoad {
  readonly cluster: string;
  /** Requests that never left, as its drop policy or a circuit breaker had it. */
  readonly dropped: number;
  readonly localities: readonly LocalityLoad[];
}

/** What was said of one cluster since the start. */
export interface ClusterLoads {
  readonly cluster: string;
  readonly dropped: number;
  /**
   * By locality in which the cluster has endpoints, {@link loadLocalitiesMax} of them at most; the rest is summed under
   * `other`.
   */
  readonly localities: ReadonlyMap<string, Readonly<LoadCounts>>;
}

/** What one node says, on all its streams and over all clusters that are known. */
export interface ClientLoad extends Readonly<LoadCounts> {
  readonly dropped: number;
  /** As the last reports had it. */
  readonly inProgress: number;
  /** Clusters in the last reports. */
  readonly clusters: number;
  /** Unix time in milliseconds of the last report that counted something; 0: none yet. */
  readonly reportedAtMs: number;
  /** Of reports that are open: a program that is several clients has one for each. */
  readonly streams: number;
}

export interface LoadReportsOptions {
  /** Whether the mesh has a cluster of this name; of others nothing is kept. */
  readonly knows: (cluster: string) => boolean;
  /** Whether such a cluster has endpoints there; `locality` as in {@link LocalityLoad}. */
  readonly hasEndpoints: (cluster: string, locality: string) => boolean;
  /** How often clients are to report; default 10 s. */
  readonly intervalMs?: number;
}

/** What is not told apart. */
const other = 'other';

interface KeptCluster {
  readonly cluster: string;
  dropped: number;
  readonly localities: Map<string, LoadCounts>;
}

export class LoadReports {
  readonly intervalMs: number;
  /** Reports of clusters that the mesh does not know (any more), since the start. */
  unknown = 0;
  private readonly knows: LoadReportsOptions['knows'];
  private readonly hasEndpoints: LoadReportsOptions['hasEndpoints'];
  private readonly clusters = new Map<string, KeptCluster>();
  private readonly clients = new Set<LoadClient>();
  private readonly peers = new Map<string, number>();

  constructor({ knows, hasEndpoints, intervalMs = loadIntervalMs }: LoadReportsOptions) {
    this.knows = knows;
    this.hasEndpoints = hasEndpoints;
    this.intervalMs = intervalMs;
  }

  get streamCount(): number {
    return this.clients.size;
  }

  /** A stream of `peer` begins; a text: why it may not. */
  enter(peer: string): LoadClient | string {
    const ofPeer = this.peers.get(peer) ?? 0;
    if (this.clients.size >= loadStreamsMax) return `${loadStreamsMax} clients report their load already`;
    if (ofPeer >= loadStreamsPerPeerMax)
      return `${loadStreamsPerPeerMax} streams of this peer report already`;
    this.peers.set(peer, ofPeer + 1);
    const client = new LoadClient(peer);
    this.clients.add(client);
    return client;
  }

  /** What it said stays counted. */
  leave(client: LoadClient): void {
    if (!this.clients.delete(client)) return;
    const left = (this.peers.get(client.peer) ?? 1) - 1;
    if (left === 0) this.peers.delete(client.peer);
    else this.peers.set(client.peer, left);
  }

  take(client: LoadClient, report: readonly ClusterLoad[], wallMs: number): void {
    let inProgress = 0;
    let clusters = 0;
    for (const load of report) {
      const kept = this.find(load.cluster);
      if (kept === null) {
        this.unknown++;
        continue;
      }
      clusters++;
      kept.dropped += load.dropped;
      client.dropped += load.dropped;
      for (const locality of load.localities) {
        add(this.countsOf(kept, locality.locality), locality);
        add(client, locality);
        inProgress += locality.inProgress;
      }
    }
    client.inProgress = inProgress;
    client.clusters = clusters;
    if (clusters > 0) client.reportedAtMs = wallMs;
  }

  /** Of the clusters that the mesh knows; the others are forgotten. */
  list(): readonly ClusterLoads[] {
    this.sweep();
    return [...this.clusters.values()];
  }

  /** By node id, of the streams that are open and have said whose they are. */
  byNode(): ReadonlyMap<string, ClientLoad> {
    const nodes = new Map<string, ClientLoad>();
    for (const client of this.clients) {
      if (client.nodeId === '') continue;
      const other = nodes.get(client.nodeId);
      nodes.set(client.nodeId, other === undefined ? client : sumUp(other, client));
    }
    return nodes;
  }

  private find(cluster: string): KeptCluster | null {
    if (!this.knows(cluster)) return null;
    const known = this.clusters.get(cluster);
    if (known !== undefined) return known;
    if (this.clusters.size >= loadClustersMax) this.sweep();
    if (this.clusters.size >= loadClustersMax) return null;
    const kept: KeptCluster = { cluster, dropped: 0, localities: new Map() };
    this.clusters.set(cluster, kept);
    return kept;
  }

  private countsOf(kept: KeptCluster, locality: string): LoadCounts {
    const { cluster, localities } = kept;
    const known = localities.get(locality);
    if (known !== undefined) return known;
    if (!this.hasEndpoints(cluster, locality)) return otherOf(localities);
    if (localities.size >= loadLocalitiesMax) this.sumUpGone(kept);
    if (localities.size >= loadLocalitiesMax) return otherOf(localities);
    return createCounts(localities, locality);
  }

  /** Where endpoints were and are no more is no longer told apart. */
  private sumUpGone({ cluster, localities }: KeptCluster): void {
    for (const [locality, counts] of localities) {
      if (locality === other || this.hasEndpoints(cluster, locality)) continue;
      localities.delete(locality);
      add(otherOf(localities), counts);
    }
  }

  private sweep(): void {
    for (const cluster of this.clusters.keys()) if (!this.knows(cluster)) this.clusters.delete(cluster);
  }
}

/** One stream of reports. */
export class LoadClient implements ClientLoad {
  readonly peer: string;
  /** '' until its first report. */
  nodeId = '';
  issued = 0;
  succeeded = 0;
  failed = 0;
  dropped = 0;
  inProgress = 0;
  clusters = 0;
  reportedAtMs = 0;
  readonly streams = 1;

  constructor(peer: string) {
    this.peer = peer;
  }
}

function sumUp(one: ClientLoad, other: ClientLoad): ClientLoad {
  return {
    issued: one.issued + other.issued,
    succeeded: one.succeeded + other.succeeded,
    failed: one.failed + other.failed,
    dropped: one.dropped + other.dropped,
    inProgress: one.inProgress + other.inProgress,
    clusters: one.clusters + other.clusters,
    reportedAtMs: Math.max(one.reportedAtMs, other.reportedAtMs),
    streams: one.streams + other.streams,
  };
}

function otherOf(localities: Map<string, LoadCounts>): LoadCounts {
  return localities.get(other) ?? createCounts(localities, other);
}

function createCounts(localities: Map<string, LoadCounts>, locality: string): LoadCounts {
  const counts = { issued: 0, succeeded: 0, failed: 0 };
  localities.set(locality, counts);
  return counts;
}

function add(sum: LoadCounts, { issued, succeeded, failed }: Readonly<LoadCounts>): void {
  sum.issued += issued;
  sum.succeeded += succeeded;
  sum.failed += failed;
}
