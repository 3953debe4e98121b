// What one scope gets: the sets that scopes share, and its own over them.

import {
  PartlyNamed,
  type ResourceMap,
  ResourceSet,
  typeUrls,
  virtualHostType,
  type XdsResource,
} from '../../xds/index.ts';

export interface CompiledScope {
  /** Type URL to the resources by name; all types are there. */
  readonly resources: ReadonlyMap<string, ResourceMap>;
  /** What the proxy cannot be given, as sentences. */
  readonly notes: readonly string[];
}

/** What of a scope does not change with endpoints. */
export interface OwnResources {
  readonly listeners: ResourceSet;
  readonly routes: ResourceSet;
  /** Of a table that does not hold them itself. */
  readonly hosts: ResourceMap;
  readonly secrets: ResourceSet;
  /** Over those that all have. */
  readonly clusters: readonly XdsResource[];
  readonly notes: readonly string[];
  /** Of a sidecar. */
  readonly inbound: InboundSide | null;
}

/** The inbound side of a workload, and what it was made of. */
export interface InboundSide {
  readonly inputs: readonly unknown[];
  /** It was made of all of the model, not of its part alone. */
  readonly ofWhole: boolean;
  readonly listener: XdsResource;
  readonly routes: XdsResource;
  readonly clusters: readonly XdsResource[];
  readonly notes: readonly string[];
}

export function isSameList(before: readonly unknown[], after: readonly unknown[]): boolean {
  return before.length === after.length && before.every((one, i) => one === after[i]);
}

export const noResources: ResourceSet = ResourceSet.of([]);

/** Of who has all from what others have. */
export const nothingOwn: OwnResources = {
  listeners: noResources,
  routes: noResources,
  hosts: noResources,
  secrets: noResources,
  clusters: [],
  notes: [],
  inbound: null,
};

/** `before` with these in the place of what it held. */
export function replaceAll(before: ResourceSet | undefined, resources: readonly XdsResource[]): ResourceSet {
  const set = ResourceSet.of(resources);
  if (before === undefined) return set;
  const gone = [...before.keys()].filter((name) => !set.has(name));
  return before.with(resources, gone);
}

export interface ScopeParts {
  readonly own: OwnResources;
  /** Those that all have. */
  readonly clusters: ResourceSet;
  /** They come to who names them alone; a scope's own come unasked. */
  readonly named: boolean;
  readonly assignments: ResourceSet;
}

/** `sibling`: the last one with the same own, at whatever place; what is the same is shared with it. */
export function assembleScope(
  { own, clusters, named, assignments }: ScopeParts,
  before: CompiledScope | null,
  sibling: CompiledScope | null,
): CompiledScope {
  const held = sibling?.resources.get(typeUrls.cluster);
  const resources = new Map<string, ResourceMap>([
    [typeUrls.secret, own.secrets],
    [typeUrls.cluster, named ? nameClusters(own, clusters, held) : coverClusters(own, clusters, held)],
    [typeUrls.endpoint, assignments],
    [typeUrls.listener, own.listeners],
    [typeUrls.route, own.routes],
    [virtualHostType, own.hosts],
  ]);
  return keepScope({ resources, notes: own.notes }, before);
}

/** The same object for the same sets. */
export function keepScope(made: CompiledScope, before: CompiledScope | null): CompiledScope {
  const isSame =
    before?.notes === made.notes &&
    [...made.resources].every(([url, set]) => before.resources.get(url) === set);
  return isSame ? before : made;
}

function coverClusters(own: OwnResources, clusters: ResourceSet, held: ResourceMap | undefined): ResourceSet {
  return ResourceSet.over(clusters, own.clusters, held instanceof ResourceSet ? held : undefined);
}

/** The same object for the same clusters. */
function nameClusters(own: OwnResources, clusters: ResourceSet, held: ResourceMap | undefined): PartlyNamed {
  const before = held instanceof PartlyNamed ? held : null;
  const isSame = before !== null && isSameList([...before.unasked.values()], sorted(own.clusters));
  const unasked = isSame ? before.unasked : replaceAll(before?.unasked, own.clusters);
  return isSame && before.named === clusters ? before : new PartlyNamed(unasked, clusters);
}

function sorted(resources: readonly XdsResource[]): readonly XdsResource[] {
  return [...resources].sort((a, b) => (a.name < b.name ? -1 : 1));
}
