// What a response means: which resources are new, which are gone, and which are faulty in a way that needs no knowledge
// of their content. SotW and incremental responses come out alike.

import type { Issue } from '../../base/index.ts';
import type { DeltaResponse, ReceivedResource, SotwResponse } from '../discovery/messages.ts';
import { hashContent } from '../snapshot/content-hash.ts';
import { typeUrls, virtualHostType, type XdsResource } from '../types.ts';
import type { Subscription } from './subscription.ts';

export interface ReadResponse {
  readonly changed: readonly XdsResource[];
  readonly removed: readonly string[];
  readonly issues: readonly Issue[];
  /** How long each of the response's resources holds; null: for ever. */
  readonly lifetimes: ReadonlyMap<string, number | null>;
}

/** Responses of these types are complete in SotW: what is missing is deleted. */
const completeTypes: ReadonlySet<string> = new Set([typeUrls.listener, typeUrls.cluster]);

export function readSotw(subscription: Subscription, response: SotwResponse): ReadResponse {
  const issues: Issue[] = [];
  const present = new Set<string>();
  const changed = selectChanged(subscription, response.resources, present, issues, response.version);
  const lifetimes = lifetimesOf(response.resources);
  if (!completeTypes.has(subscription.typeUrl)) return { changed, removed: [], issues, lifetimes };
  const removed: string[] = [];
  for (const [name, entry] of subscription.entries) {
    // A faulty resource is not a missing one: its last good form stays.
    if (entry.state !== 'absent' && !present.has(name)) removed.push(name);
  }
  // A resource whose name cannot be read may be any of those that seem to be missing.
  return { changed, removed: present.has('') ? [] : removed, issues, lifetimes };
}

export function readDelta(subscription: Subscription, response: DeltaResponse): ReadResponse {
  const issues: Issue[] = [];
  const present = new Set<string>();
  const changed = selectChanged(subscription, response.resources, present, issues);
  const removed: string[] = [];
  for (const name of new Set(response.removed)) {
    if (present.has(name)) issues.push(fault(name, 'is both changed and removed in one response'));
    else if (subscription.wants(name)) removed.push(name);
  }
  removed.push(...absentHosts(subscription, response.resources));
  return {
    changed: changed.filter((resource) => !response.removed.includes(resource.name)),
    removed,
    issues,
    lifetimes: lifetimesOf(response.resources),
  };
}

/** Of virtual hosts a resource without content says that there is none of this name (VHDS, as Envoy reads it). */
function absentHosts(subscription: Subscription, resources: readonly ReceivedResource[]): readonly string[] {
  if (subscription.typeUrl !== virtualHostType) return [];
  const absent = resources.filter((resource) => isAbsentHost(subscription, resource));
  const names = new Set(absent.flatMap(({ aliases, name }) => [name, ...aliases]));
  return [...names].filter((name) => subscription.wants(name));
}

function isAbsentHost(subscription: Subscription, { bytes, name, version }: ReceivedResource): boolean {
  if (bytes !== null || name === '' || subscription.typeUrl !== virtualHostType) return false;
  const held = subscription.versionOf(name);
  return held === '' || held !== version;
}

function lifetimesOf(resources: readonly ReceivedResource[]): ReadonlyMap<string, number | null> {
  return new Map(resources.map(({ name, ttlMs }) => [name, ttlMs]));
}

function selectChanged(
  subscription: Subscription,
  resources: readonly ReceivedResource[],
  present: Set<string>,
  issues: Issue[],
  /** Of a SotW response: heartbeats have it, whatever the version of what they renew. */
  whole = '',
): XdsResource[] {
  const changed: XdsResource[] = [];
  const twice = new Set<string>();
  for (const resource of resources) {
    if (present.has(resource.name)) {
      if (!twice.has(resource.name)) issues.push(fault(resource.name, 'occurs twice in one response'));
      twice.add(resource.name);
      continue;
    }
    present.add(resource.name);
    const issue = checkResource(subscription, resource, whole);
    if (issue !== null) issues.push(issue);
    else if (resource.bytes !== null) addIfChanged(subscription, resource, resource.bytes, changed);
  }
  // Which of the two was meant is not for us to guess: neither is applied.
  return twice.size === 0 ? changed : changed.filter((resource) => !twice.has(resource.name));
}

function checkResource(subscription: Subscription, resource: ReceivedResource, whole: string): Issue | null {
  if (resource.name === '') return fault(subscription.typeUrl, 'has a resource without a name');
  if (resource.bytes === null) {
    if (isAbsentHost(subscription, resource)) return null;
    // A heartbeat renews what is held; for anything else it is a resource without content.
    const held = subscription.versionOf(resource.name);
    const isSame = held === resource.version || (whole !== '' && whole === resource.version);
    return held !== '' && isSame ? null : fault(resource.name, 'has no content');
  }
  if (resource.typeUrl !== subscription.typeUrl) {
    return fault(resource.name, `must be a ${subscription.typeUrl}`, resource.typeUrl);
  }
  return null;
}

function addIfChanged(
  subscription: Subscription,
  resource: ReceivedResource,
  bytes: Uint8Array,
  changed: XdsResource[],
): void {
  const { aliases } = resource;
  if (!subscription.wants(resource.name, aliases)) return;
  // SotW resources carry no version of their own; by their content, an update of one cluster in a thousand is one
  // change.
  const version = resource.version === '' ? hashContent(bytes) : resource.version;
  const news = subscription.versionOf(resource.name) !== version;
  if (!news && !aliases.some((alias) => subscription.awaits(alias))) return;
  const further = aliases.length === 0 ? {} : { aliases };
  changed.push({ name: resource.name, version, typeUrl: resource.typeUrl, bytes, ...further });
}

function fault(object: string, rule: string, value = ''): Issue {
  return { object, field: '', rule, value };
}
