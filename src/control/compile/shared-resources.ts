// Clusters, and endpoints as each zone sees them: the same for all proxies, followed from model to model. Whatever is
// still the same object in the model was compiled already.

import { ClusterLoadAssignmentSchema, ClusterSchema } from '../../xds/api.ts';
import { ResourceSet, type XdsResource } from '../../xds/index.ts';
import type { Model, PortModel } from '../model/types.ts';
import { compileAssignment } from './assignment.ts';
import { compileCluster } from './cluster.ts';
import { encodeResource } from './resource.ts';

/** What became of one port; null: it is not there. */
interface PortChange {
  readonly before: PortModel | null;
  readonly after: PortModel | null;
}

export class SharedResources {
  clusters: ResourceSet = ResourceSet.of([]);
  private readonly inForce = new Map<string, PortModel>();
  /** Endpoints where no zone is preferred; most ports prefer none, and have these in every zone. */
  private anywhere: ResourceSet = ResourceSet.of([]);
  private readonly zones = new Map<string, ResourceSet>();
  /** Zones that somebody asked for since the last model; of others nothing is kept. */
  private readonly asked = new Set<string>();

  get ports(): ReadonlyMap<string, PortModel> {
    return this.inForce;
  }

  follow(before: Model, after: Model): void {
    for (const zone of this.zones.keys()) if (!this.asked.has(zone)) this.zones.delete(zone);
    this.asked.clear();
    const changes = listChanges(before, after);
    for (const change of changes) {
      if (change.after !== null) this.inForce.set(change.after.id, change.after);
      else if (change.before !== null) this.inForce.delete(change.before.id);
    }
    this.clusters = apply(this.clusters, changes.filter(isNewCluster), (port, held) =>
      hasOwnKey(port) ? null : encodeResource(ClusterSchema, port.id, compileCluster(port), held),
    );
    this.anywhere = apply(this.anywhere, changes, (port, held) => encodeAssignment(port, '', held));
    for (const [zone, set] of this.zones)
      this.zones.set(
        zone,
        apply(set, changes, (port, held) => this.assignmentIn(zone, port, held)),
      );
  }

  assignmentsIn(zone: string): ResourceSet {
    if (zone === '') return this.anywhere;
    this.asked.add(zone);
    const known = this.zones.get(zone);
    if (known !== undefined) return known;
    const local: XdsResource[] = [];
    for (const port of this.inForce.values())
      if (port.external === null && port.locality !== 'Any')
        local.push(this.assignmentIn(zone, port, undefined)!);
    const set = this.anywhere.with(local, []);
    this.zones.set(zone, set);
    return set;
  }

  private assignmentIn(zone: string, port: PortModel, held: XdsResource | undefined): XdsResource | null {
    const shared = this.anywhere.get(port.id);
    if (port.locality === 'Any' || shared === undefined) return shared ?? null;
    const own = encodeAssignment(port, zone, held);
    return own?.version === shared.version ? shared : own;
  }
}

/** Only who is given the key is given the cluster: without it, it would be called as by nobody. */
function hasOwnKey({ shown }: PortModel): boolean {
  return shown !== null && shown !== 'of the Gateway';
}

function encodeAssignment(port: PortModel, zone: string, held: XdsResource | undefined): XdsResource | null {
  if (port.external !== null) return null;
  return encodeResource(ClusterLoadAssignmentSchema, port.id, compileAssignment(port, zone), held);
}

function apply(
  set: ResourceSet,
  changes: readonly PortChange[],
  make: (port: PortModel, held: XdsResource | undefined) => XdsResource | null,
): ResourceSet {
  const changed: XdsResource[] = [];
  const removed: string[] = [];
  for (const { before, after } of changes) {
    const resource = after === null ? null : make(after, set.get(after.id));
    if (resource !== null) changed.push(resource);
    else removed.push((after ?? before)!.id);
  }
  return set.with(changed, removed);
}

function listChanges(before: Model, after: Model): readonly PortChange[] {
  const changes: PortChange[] = [];
  for (const [id, service] of after.services) {
    const old = before.services.get(id);
    if (old !== service) comparePorts(old?.ports ?? [], service.ports, changes);
  }
  for (const [id, service] of before.services)
    if (!after.services.has(id)) comparePorts(service.ports, [], changes);
  if (before.backends !== after.backends)
    comparePorts([...before.backends.values()], [...after.backends.values()], changes);
  return changes;
}

function comparePorts(
  before: readonly PortModel[],
  after: readonly PortModel[],
  changes: PortChange[],
): void {
  const old = new Map(before.map((port) => [port.id, port]));
  for (const port of after) {
    const held = old.get(port.id) ?? null;
    old.delete(port.id);
    if (held !== port) changes.push({ before: held, after: port });
  }
  for (const port of old.values()) changes.push({ before: port, after: null });
}

/** Most often it is endpoints that change, which a cluster says nothing of. */
function isNewCluster({ before, after }: PortChange): boolean {
  return (
    before === null ||
    after === null ||
    before.policy !== after.policy ||
    before.external !== after.external ||
    before.outside !== after.outside ||
    before.protocol !== after.protocol ||
    before.tls !== after.tls ||
    before.shown !== after.shown
  );
}
