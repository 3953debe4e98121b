// Is a snapshot consistent: does everything that its resources refer to exist in it? Served anyway it would leave
// clusters warming and routes without a cluster, so the control plane asks first and keeps the last good one.

import type { Issue } from '../../base/index.ts';
import { WireError } from '../protobuf/wire-reader.ts';
import { typeUrls, type XdsResource, type XdsSnapshot } from '../types.ts';
import { findReferences, type References } from './references.ts';

/** All faults; `object` is the name of the resource that refers to what is not there. */
export function validateSnapshot(snapshot: XdsSnapshot): readonly Issue[] {
  const issues: Issue[] = [];
  for (const resources of snapshot.resources.values()) {
    for (const resource of resources.values()) issues.push(...validateResource(snapshot, resource));
  }
  return issues;
}

function validateResource(snapshot: XdsSnapshot, resource: XdsResource): readonly Issue[] {
  let references: References;
  try {
    references = findReferences(resource);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return [{ object: resource.name, field: '', rule: error.message, value: '' }];
  }
  const { clusters, endpoints, routes } = references;
  return [
    ...findMissing(snapshot, resource, typeUrls.endpoint, endpoints, 'needs a ClusterLoadAssignment'),
    ...findMissing(
      snapshot,
      resource,
      typeUrls.route,
      routes,
      'names a RouteConfiguration that is not there',
    ),
    ...findMissing(snapshot, resource, typeUrls.cluster, clusters, 'names a cluster that is not there'),
  ];
}

function findMissing(
  snapshot: XdsSnapshot,
  resource: XdsResource,
  typeUrl: string,
  names: readonly string[],
  rule: string,
): readonly Issue[] {
  const present = snapshot.resources.get(typeUrl);
  return [...new Set(names)]
    .filter((name) => present?.has(name) !== true)
    .map((name) => ({ object: resource.name, field: '', rule, value: name }));
}
