// The cluster to which this proxy's own workload belongs (cluster_manager.local_cluster_name): how the callers are
// spread over localities, which decides how many requests of zone-aware clusters can stay where they are.

import { describeLocalCluster, type EndpointLoad, type LocalCluster } from '../policy/index.ts';

/** A cluster, as far as it goes by the local one. */
export interface LocalDependent {
  readonly name: string;
  reselect(): void;
}

export class LocalClusterWatch {
  readonly name: string;
  /** Where this proxy runs: `region/zone/sub-zone`. */
  readonly locality: string;
  /** null: its endpoints are not known yet. */
  current: LocalCluster | null = null;
  private readonly dependents: { running(): Iterable<LocalDependent> };

  constructor(name: string, locality: string, dependents: { running(): Iterable<LocalDependent> }) {
    this.name = name;
    this.locality = locality;
    this.dependents = dependents;
  }

  /** Its endpoints, or their health, changed. */
  update(endpoints: readonly EndpointLoad[], nowMs: number): void {
    this.current = describeLocalCluster(endpoints, this.locality, nowMs);
    for (const dependent of this.dependents.running()) if (dependent.name !== this.name) dependent.reselect();
  }
}
