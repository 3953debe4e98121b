// Clusters, and endpoints as each place sees them: the same for all proxies, followed from model to model. Whatever is
// still the same object in the model was compiled already. Nodes are told apart only where some Service asks for that.

import { ClusterLoadAssignmentSchema, ClusterSchema } from '../../xds/api.ts';
import { ResourceSet, type XdsResource } from '../../xds/index.ts';
import type { Model, PortModel } from '../model/types.ts';
import { compileAssignment, nowhere, type Place } from './assignment.ts';
import { compileCluster } from './cluster.ts';
import { encodeResource } from './resource.ts';

/** What became of one port; null: it is not there. */
interface PortChange {
  readonly before: PortModel | null;
  readonly after: PortModel | null;
}

/** Endpoints as a zone sees them. */
interface ZoneSet {
  readonly place: Place;
  set: ResourceSet;
  /** Somebody asked for it since the last model; what nobody asks for is not kept. */
  asked: boolean;
}

/** Endpoints as a node sees them: over its zone's, what goes by the node. */
interface NodeSet extends ZoneSet {
  readonly own: Map<string, XdsResource>;
}

export class SharedResources {
  clusters: ResourceSet = ResourceSet.of([]);
  private readonly inForce = new Map<string, PortModel>();
  /** Those that one zone, or one node, sees otherwise than another. */
  private readonly byZone = new Map<string, PortModel>();
  private readonly byNode = new Map<string, PortModel>();
  /** Zones that endpoints of `byZone` are in or meant for, each with how many of these ports know it. */
  private readonly zoneUses = new Map<string, number>();
  /** Endpoints as seen from nowhere; most ports look the same from everywhere, and have these. */
  private anywhere: ResourceSet = ResourceSet.of([]);
  /** By zone that some endpoint knows, each for callers whose node is not asked for. */
  private readonly zones = new Map<string, ZoneSet>();
  /** By zone and node. */
  private readonly nodes = new Map<string, NodeSet>();

  /** Sets of endpoints that are kept for a place. */
  get placeCount(): number {
    return this.zones.size + this.nodes.size;
  }

  get ports(): ReadonlyMap<string, PortModel> {
    return this.inForce;
  }

  /** Proxies of one zone on different nodes are given different endpoints. */
  get tellsNodesApart(): boolean {
    return this.byNode.size > 0;
  }

  follow(before: Model, after: Model): void {
    dropUnasked(this.nodes);
    dropUnasked(this.zones);
    const changes = listChanges(before, after);
    for (const change of changes) this.replace((change.after ?? change.before)!.id, change.after);
    dropUnknown(this.nodes, this.zoneUses);
    dropUnknown(this.zones, this.zoneUses);
    this.clusters = apply(this.clusters, changes.filter(isNewCluster), (port, held) =>
      hasOwnKey(port) ? null : encodeResource(ClusterSchema, port.id, compileCluster(port), held),
    );
    this.anywhere = apply(this.anywhere, changes, (port, held) => encodeAssignment(port, nowhere, held));
    for (const one of this.zones.values())
      one.set = apply(one.set, changes, (port, held) => this.assignmentIn(one.place, port, held));
    const placed = changes.map(({ before: old, after: port }) => (port ?? old)!.id);
    for (const one of this.nodes.values()) this.settle(one, placed);
  }

  /**
   * A zone is what a node says of itself: from one that no endpoint knows all looks as from nowhere, and who makes up
   * zones has nothing made for them.
   */
  assignmentsAt(place: Place): ResourceSet {
    const { node } = place;
    const zone = this.zoneUses.has(place.zone) ? place.zone : '';
    const inZone = this.assignmentsIn(zone);
    if (node === '' || !this.tellsNodesApart) return inZone;
    const key = `${zone} ${node}`;
    const known = this.nodes.get(key);
    if (known !== undefined) {
      known.asked = true;
      return known.set;
    }
    const made: NodeSet = { place: { zone, node }, own: new Map(), set: inZone, asked: true };
    this.settle(made, this.byNode.keys());
    this.nodes.set(key, made);
    return made.set;
  }

  private assignmentsIn(zone: string): ResourceSet {
    if (zone === '') return this.anywhere;
    const known = this.zones.get(zone);
    if (known !== undefined) {
      known.asked = true;
      return known.set;
    }
    const place = { zone, node: '' };
    const own = [...this.byZone.values()].map((port) => this.assignmentIn(place, port, undefined)!);
    const set = this.anywhere.with(own, []);
    this.zones.set(zone, { place, set, asked: true });
    return set;
  }

  private assignmentIn(place: Place, port: PortModel, held: XdsResource | undefined): XdsResource | null {
    const shared = this.anywhere.get(port.id);
    if (!goesByZone(port) || shared === undefined) return shared ?? null;
    const own = encodeAssignment(port, place, held);
    return own?.version === shared.version ? shared : own;
  }

  /** Of these ports anything may have changed. */
  private settle(one: NodeSet, ids: Iterable<string>): void {
    const { place, own } = one;
    const inZone = this.assignmentsIn(place.zone);
    for (const id of ids) {
      const port = this.byNode.get(id);
      const made = port === undefined ? null : encodeAssignment(port, place, own.get(id));
      if (made === null || made.version === inZone.get(id)?.version) own.delete(id);
      else own.set(id, made);
    }
    one.set = ResourceSet.over(inZone, [...own.values()], one.set);
  }

  private replace(id: string, next: PortModel | null): void {
    const old = this.byZone.get(id);
    if (old !== undefined) this.countZones(old, -1);
    this.byZone.delete(id);
    this.byNode.delete(id);
    if (next === null) {
      this.inForce.delete(id);
      return;
    }
    this.inForce.set(id, next);
    if (goesByZone(next)) {
      this.byZone.set(id, next);
      this.countZones(next, 1);
    }
    if (goesByNode(next)) this.byNode.set(id, next);
  }

  private countZones({ endpoints }: PortModel, sign: 1 | -1): void {
    for (const zone of new Set(endpoints.flatMap((one) => [one.zone, ...one.forZones]))) {
      const uses = (this.zoneUses.get(zone) ?? 0) + sign;
      if (uses === 0) this.zoneUses.delete(zone);
      else this.zoneUses.set(zone, uses);
    }
  }
}

function dropUnasked(sets: Map<string, ZoneSet>): void {
  for (const [key, one] of sets) {
    if (!one.asked) sets.delete(key);
    one.asked = false;
  }
}

/** Whoever is in a zone that no endpoint knows any more is given what is seen from nowhere. */
function dropUnknown(sets: Map<string, ZoneSet>, known: ReadonlyMap<string, number>): void {
  for (const [key, { place }] of sets) if (place.zone !== '' && !known.has(place.zone)) sets.delete(key);
}

function goesByZone({ locality, external }: PortModel): boolean {
  return (locality === 'PreferZone' || locality === 'PreferNode') && external === null;
}

function goesByNode({ locality, external }: PortModel): boolean {
  return (locality === 'OnlyNode' || locality === 'PreferNode') && external === null;
}

/** Only who is given the key is given the cluster: without it, it would be called as by nobody. */
function hasOwnKey({ shown }: PortModel): boolean {
  return shown !== null && shown !== 'of the Gateway';
}

function encodeAssignment(port: PortModel, place: Place, held: XdsResource | undefined): XdsResource | null {
  if (port.external !== null) return null;
  return encodeResource(ClusterLoadAssignmentSchema, port.id, compileAssignment(port, place), held);
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
    before.shown !== after.shown ||
    before.sticky !== after.sticky
  );
}
