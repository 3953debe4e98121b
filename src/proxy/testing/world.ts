// A proxy with clients and origins in one process and in virtual time, and the books that must balance whatever
// happened.

import { expect } from 'bun:test';
import { type Log, MeshError, silentLog, VirtualClock, Xoshiro128 } from '../../base/index.ts';
import {
  type Address,
  createMemoryNetwork,
  type LinkConditions,
  type MemoryNetwork,
  type Network,
  type Resolver,
} from '../../net/index.ts';
import type { LogSink } from '../../observe/index.ts';
import type { Snapshot } from '../config/types.ts';
import { DataPlane } from '../data-plane.ts';
import type { DrainStrategy } from '../downstream/index.ts';
import type { UserFilters } from '../filters/index.ts';
import { endpointConfig, ip, type SnapshotParts, snapshot } from './configs.ts';
import { Origin, type Respond, TestClient } from './peers.ts';

export interface WorldOptions {
  readonly seed?: bigint;
  readonly resolver?: Resolver;
  readonly log?: Log;
  readonly peer?: string;
  readonly openFilesMax?: number;
  readonly drainStrategy?: DrainStrategy;
  readonly userFilters?: UserFilters;
  readonly createLogSink?: (path: string) => LogSink;
  /** Clients, proxy and origins on three hosts, and this between them; without it all are on one. */
  readonly conditions?: Partial<LinkConditions>;
}

const clientHost = '10.0.0.1';
const proxyHost = '10.0.0.2';
const originHost = '10.0.0.3';

export class World {
  readonly clock = new VirtualClock();
  readonly random: Xoshiro128;
  readonly network: MemoryNetwork;
  readonly plane: DataPlane;
  readonly origins: Origin[] = [];
  /** Where each of the three stands. */
  readonly hosts: { readonly client: Network; readonly proxy: Network; readonly origin: Network };
  private readonly options: WorldOptions;
  private nextPort = 9000;

  constructor(options: WorldOptions = {}) {
    this.options = options;
    this.random = new Xoshiro128(options.seed ?? 1n);
    const { conditions } = options;
    this.network = createMemoryNetwork({
      clock: this.clock,
      random: new Xoshiro128((options.seed ?? 1n) + 7n),
      ...(conditions === undefined ? {} : { conditions }),
    });
    this.hosts =
      conditions === undefined
        ? { client: this.network, proxy: this.network, origin: this.network }
        : {
            client: this.network.createProcess('client', clientHost),
            proxy: this.network.createProcess('proxy', proxyHost),
            origin: this.network.createProcess('origin', originHost),
          };
    this.plane = this.createPlane(options.peer ?? '');
  }

  createPlane(peer: string): DataPlane {
    return new DataPlane({
      clock: this.clock,
      random: this.random,
      network: this.hosts.proxy,
      resolver: this.options.resolver ?? noNames,
      log: this.options.log ?? silentLog,
      peer,
      ...(this.options.userFilters === undefined ? {} : { userFilters: this.options.userFilters }),
      ...(this.options.openFilesMax === undefined ? {} : { openFilesMax: this.options.openFilesMax }),
      ...(this.options.drainStrategy === undefined ? {} : { drainStrategy: this.options.drainStrategy }),
      ...(this.options.createLogSink === undefined ? {} : { createLogSink: this.options.createLogSink }),
    });
  }

  origin(respond?: Respond): Origin {
    const host = this.spread ? originHost : undefined;
    const origin = new Origin(this.hosts.origin, ip(this.nextPort++, host), respond);
    this.origins.push(origin);
    return origin;
  }

  client(address: Address = this.listenAddress): TestClient {
    return new TestClient(this.hosts.client, address);
  }

  get spread(): boolean {
    return this.options.conditions !== undefined;
  }

  get listenAddress(): Address {
    return ip(15001, this.spread ? proxyHost : undefined);
  }

  apply(parts: SnapshotParts): Snapshot {
    const applied = snapshot(parts);
    this.plane.apply(applied);
    return applied;
  }

  /** The usual case: one listener, one cluster, these origins behind it. */
  serve(origins: readonly Origin[], parts: SnapshotParts = {}): void {
    this.apply({
      ...parts,
      endpoints: { ledger: origins.map(({ port }) => endpointConfig(port)), ...parts.endpoints },
    });
  }

  run(ms: number): this {
    this.clock.advanceBy(ms);
    return this;
  }

  cluster(name = 'ledger') {
    const cluster = this.plane.clusters.get(name);
    if (cluster === undefined) throw new Error(`no cluster ${name}`);
    return cluster;
  }

  listener(name = 'outbound') {
    const listener = this.plane.listeners.get(name);
    if (listener === undefined) throw new Error(`no listener ${name}`);
    return listener;
  }

  /** Nothing runs any more, and every request had exactly one outcome. */
  expectSettled(plane: DataPlane = this.plane): void {
    expectBooksBalance(plane);
  }
}

export function expectBooksBalance(plane: DataPlane): void {
  for (const { name, stats } of plane.listeners.values()) {
    expect({ name, active: stats.active, requests: stats.requests }).toEqual({
      name,
      active: 0,
      requests: sum(stats.responses),
    });
  }
  for (const { name, stats, breaker, high, endpoints } of plane.clusters.running()) {
    const answered = sum(stats.responses) + stats.requestOverflow;
    expect({ name, active: stats.active, pending: stats.pending, requests: stats.requests }).toEqual({
      name,
      active: 0,
      pending: 0,
      requests: answered,
    });
    expect({ name, requests: breaker.requests, pending: breaker.pending }).toEqual({
      name,
      requests: 0,
      pending: 0,
    });
    const held = breaker.connections + (high?.breaker.connections ?? 0);
    expect({ name, connections: held }).toEqual({
      name,
      connections: stats.connectionsActive,
    });
    const open = sum(endpoints.map((endpoint) => endpoint.connections));
    const idle = sum(endpoints.map((endpoint) => endpoint.idleConnections));
    expect({ name, active: sum(endpoints.map((endpoint) => endpoint.active)), open }).toEqual({
      name,
      active: 0,
      open: idle,
    });
  }
}

const noNames: Resolver = {
  resolve: (name) => Promise.reject(new MeshError('name-not-found', 'internal', 'no', `${name} is unknown`)),
};

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
