// What one proxy is served and what it has of it, as JSON: `GET /api/v1/xds?node=ID`, with `&bodies=all` or
// `&bodies=changed` the resources themselves too. Secrets show their names alone.

import type { JsonValue } from '@bufbuild/protobuf';
import { describeResource, type InspectedResource, type ResourceState } from '../../xds/index.ts';
import type { ControlPlane } from '../control-plane.ts';

export interface ResourceView {
  readonly name: string;
  readonly state: ResourceState;
  /** '' where there is none. */
  readonly servedVersion: string;
  readonly heldVersion: string;
  /** The proxy's own words, of what it refused. */
  readonly message: string;
  readonly served?: JsonValue;
  readonly held?: JsonValue;
}

export interface TypeView {
  readonly typeUrl: string;
  readonly resources: readonly ResourceView[];
}

export interface ProxyResourcesView {
  readonly node: string;
  readonly types: readonly TypeView[];
}

export type Bodies = 'none' | 'changed' | 'all';

/** null: no proxy of that name is connected. */
export async function viewProxyResources(
  plane: ControlPlane,
  node: string,
  bodies: Bodies,
): Promise<ProxyResourcesView | null> {
  const types = plane.adsServer.inspect(node);
  if (types === null) return null;
  const views: TypeView[] = [];
  for (const { typeUrl, resources, refusals } of types) {
    const shown = typeUrl.endsWith('.Secret') ? 'none' : bodies;
    const list: ResourceView[] = [];
    for (const resource of resources) {
      const message = refusals.find((refusal) => refusal.resource === resource.name)?.message ?? '';
      list.push({ ...(await view(resource, shown)), message });
    }
    views.push({ typeUrl, resources: list });
  }
  return { node, types: views };
}

async function view(
  { name, state, served, held }: InspectedResource,
  bodies: Bodies,
): Promise<Omit<ResourceView, 'message'>> {
  const differs = held?.version !== served?.version;
  const shows = bodies === 'all' || (bodies === 'changed' && differs);
  return {
    name,
    state,
    servedVersion: served?.version ?? '',
    heldVersion: held?.version ?? '',
    ...(shows && served !== null ? { served: await describeResource(served) } : {}),
    ...(shows && differs && held !== null && held.bytes.length > 0
      ? { held: await describeResource(held) }
      : {}),
  };
}
