// The data path of one thread as a bootstrap wants it.

import type { Clock, Log, Random } from '../base/index.ts';
import type { Network, Resolver, Store } from '../net/index.ts';
import type { LogSink } from '../observe/index.ts';
import type { XdsNode } from '../xds/index.ts';
import type { Bootstrap } from './config/index.ts';
import type { Machine } from './context.ts';
import { DataPlane, type DataPlaneOptions } from './data-plane.ts';
import type { DrainStrategy } from './downstream/index.ts';
import type { UserFilters } from './filters/index.ts';

/** What the threads of a proxy have in common. */
export interface PlaneOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly resolver: Resolver;
  readonly store: Store;
  readonly log: Log;
  readonly bootstrap: Bootstrap;
  /** Descriptors that the process may hold; no limit by default. */
  readonly openFilesMax?: number;
  /** How fast clients are sent away while draining; at once by default. */
  readonly drainStrategy?: DrainStrategy | null;
  /** What formats may say of the machine; nothing by default. */
  readonly machine?: Machine;
  /** Filters of the user's own; none by default. */
  readonly userFilters?: UserFilters;
  /** Where access logs go; files by default. */
  readonly createLogSink?: (path: string) => LogSink;
}

/** `shared`: of a proxy with several threads. */
export function composePlane(
  options: PlaneOptions,
  shared: Pick<DataPlaneOptions, 'counters' | 'quietMs' | 'reusePort' | 'createLogSink' | 'demands'> = {},
): DataPlane {
  const { clock, random, network, resolver, log, store, bootstrap } = options;
  const { createLogSink, userFilters, machine, openFilesMax, drainStrategy } = options;
  return new DataPlane({
    clock,
    random,
    network,
    resolver,
    log,
    store,
    peer: peerOf(bootstrap.node),
    node: { id: bootstrap.node.id, zone: bootstrap.node.locality.zone },
    serviceCluster: /^[ -~]*$/.test(bootstrap.node.cluster) ? bootstrap.node.cluster : '',
    connectionsMax: bootstrap.overload.connectionsMax,
    ...(bootstrap.local === null ? {} : { local: bootstrap.local }),
    ...(createLogSink === undefined ? {} : { createLogSink }),
    ...(machine === undefined ? {} : { machine }),
    ...(userFilters === undefined ? {} : { userFilters }),
    ...(openFilesMax === undefined ? {} : { openFilesMax }),
    ...(drainStrategy === undefined ? {} : { drainStrategy }),
    ...shared,
  });
}

/** Who calls, for the callee's metrics: a sidecar speaks for its workload, a node agent for many and so for none. */
function peerOf(node: XdsNode): string {
  const namespace = node.metadata['namespace'];
  if (typeof namespace !== 'string' || node.cluster === '' || node.id.startsWith('agent~')) return '';
  const peer = `${namespace}/${node.cluster}`;
  // It becomes a header's value, and only a Kubernetes name has business there.
  return /^[!-~]+$/.test(peer) ? peer : '';
}
