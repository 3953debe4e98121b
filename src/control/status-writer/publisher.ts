// Tells the API server what the control plane knows: status of objects and Events, by one replica at a time.

import { isDeepStrictEqual } from 'node:util';
import type { Clock, Log, Random } from '../../base/index.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { ObjectFleet } from '../fleet/object-fleet.ts';
import type { FleetFault } from '../fleet/object-writer.ts';
import type { KubernetesSource } from '../kubernetes/kubernetes-source.ts';
import { Lease } from '../kubernetes/lease.ts';
import type { KubeApi, KubeObject } from '../kubernetes/types.ts';
import { fieldOf, textOf } from '../kubernetes/types.ts';
import type { ObjectKey } from '../source/types.ts';
import type { ObjectStatus } from '../status/report.ts';
import { EventRecorder } from './events.ts';
import { PlaneFacts } from './plane-facts.ts';
import { addReports } from './replica-report.ts';
import { Replicas } from './replicas.ts';
import { type PendingStatus, StatusWriter } from './status-writer.ts';
import { statusKinds, wantStatus } from './wanted-status.ts';

export interface PublisherOptions {
  readonly plane: ControlPlane;
  readonly source: KubernetesSource;
  readonly api: KubeApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Where the Lease is. */
  readonly namespace: string;
  /** Of this process among the replicas. */
  readonly identity: string;
  /** Of its pod, which may be one process after the other. */
  readonly replica: string;
  /** '': it runs in none. */
  readonly podUid: string;
  /** What the one that writes status keeps besides. */
  readonly fleets: readonly Kept[];
  /** What each revision keeps for itself, by one of its replicas. */
  readonly own: { readonly lease: string; readonly fleets: readonly Kept[] };
}

/** `faults` is of those that keep objects for others. */
type Kept = Pick<ObjectFleet<never>, 'lead' | 'poke' | 'stop'> &
  Partial<Pick<ObjectFleet<never>, 'faults' | 'onFaults'>>;

export class StatusPublisher {
  readonly writer: StatusWriter;
  readonly lease: Lease;
  private readonly ownLease: Lease;
  readonly events: EventRecorder;
  readonly replicas: Replicas;
  private readonly options: PublisherOptions;
  private readonly facts: PlaneFacts;

  constructor(options: PublisherOptions) {
    const { plane, api, clock, random, log, namespace, identity, replica, podUid } = options;
    this.options = options;
    this.facts = new PlaneFacts(plane, options.source, () => addFaults(this.fleets));
    this.events = new EventRecorder({ api, clock, log, identity });
    this.writer = new StatusWriter({
      api,
      clock,
      random,
      log,
      compare: () => this.compare(),
      onWritten: (written) => this.events.tellChange(written),
    });
    this.replicas = new Replicas({
      api,
      clock,
      log,
      namespace,
      replica,
      podUid,
      measure: () => this.facts.measure(),
      onChange: () => this.writer.poke(),
    });
    this.lease = new Lease({
      api,
      clock,
      log,
      namespace,
      name: 'weft-control',
      identity,
      onLeading: (leading) => {
        this.writer.lead(leading);
        this.replicas.lead(leading);
        for (const fleet of options.fleets) fleet.lead(leading);
      },
    });
    this.ownLease = new Lease({
      api,
      clock,
      log,
      namespace,
      name: options.own.lease,
      identity,
      onLeading: (leading) => {
        for (const fleet of options.own.fleets) fleet.lead(leading);
      },
    });
    for (const fleet of this.fleets) if ('onFaults' in fleet) fleet.onFaults = () => this.writer.poke();
    plane.watchStatus(() => {
      this.writer.poke();
      for (const fleet of this.fleets) fleet.poke();
    });
  }

  private get fleets(): readonly Kept[] {
    return [...this.options.fleets, ...this.options.own.fleets];
  }

  start(): void {
    this.lease.start();
    if (this.options.own.fleets.length > 0) this.ownLease.start();
    this.replicas.start();
  }

  async stop(): Promise<void> {
    this.writer.stop();
    for (const fleet of this.fleets) fleet.stop();
    await Promise.all([this.lease.stop(), this.ownLease.stop(), this.replicas.stop()]);
  }

  private compare(): readonly PendingStatus[] {
    const { plane, clock } = this.options;
    // Before everything has been read, half of it would be said to be missing; and while a change waits to be built,
    // `observedGeneration` would claim a judgement that nobody made. The build asks again.
    if (!plane.settled) return [];
    const now = `${new Date(clock.wall()).toISOString().slice(0, 19)}Z`;
    this.facts.report = addReports([this.facts.measure(), this.replicas.ofOthers]);
    return plane
      .describeObjects(this.facts.report.refusals)
      .filter(({ kind }) => statusKinds.has(kind))
      .flatMap((status) => this.compareOne(status, now));
  }

  private compareOne(described: ObjectStatus, now: string): readonly PendingStatus[] {
    const { source, plane } = this.options;
    const { key, conditions } = described;
    const version = source.versionOf(key);
    const object = source.objectOf(key);
    const entry = plane.catalog.get(key);
    if (version === null || object === null || entry === null) return [];
    const { generation, status: present } = version;
    const wanted = wantStatus({ entry, object, present, generation, conditions, now }, this.facts);
    if (wanted === null || holds(present, wanted)) return [];
    return [
      {
        key,
        path: version.path,
        object: frame(object, version),
        status: { ...asRecord(present), ...wanted },
        present,
      },
    ];
  }
}

function addFaults(fleets: readonly Kept[]): ReadonlyMap<ObjectKey, FleetFault> {
  return new Map(fleets.toReversed().flatMap(({ faults }) => [...(faults ?? [])]));
}

/** Are all fields that we write as they should be? */
function holds(present: unknown, wanted: KubeObject): boolean {
  return Object.entries(wanted).every(([field, value]) =>
    isDeepStrictEqual(normal(fieldOf(present, field)), normal(value)),
  );
}

/** Without fields that are undefined; an absent list is an empty one. */
function normal(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? []));
}

function asRecord(value: unknown): KubeObject {
  return typeof value === 'object' && value !== null ? (value as KubeObject) : {};
}

/** What names the object and the version that was read; the status subresource takes nothing else. */
function frame(object: KubeObject, { resourceVersion }: { readonly resourceVersion: string }): KubeObject {
  const metadata = {
    namespace: textOf(object, 'metadata', 'namespace'),
    name: textOf(object, 'metadata', 'name'),
    uid: textOf(object, 'metadata', 'uid'),
    resourceVersion,
  };
  return { apiVersion: object['apiVersion'], kind: object['kind'], metadata, spec: object['spec'] };
}
