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

/**
 * {@link ProxyResourcesView} as JSON in pieces, a resource each, as it was when it was asked for; null: no proxy of
 * that name is connected. Thousands of resources take seconds to be written: who takes the pieces lets others have a
 * turn.
 */
export function writeProxyResources(
  plane: ControlPlane,
  node: string,
  bodies: Bodies,
): AsyncGenerator<string> | null {
  const types = plane.adsServer.inspect(node);
  return types === null ? null : writeTypes(node, types, bodies);
}

async function* writeTypes(
  node: string,
  types: NonNullable<ReturnType<ControlPlane['adsServer']['inspect']>>,
  bodies: Bodies,
): AsyncGenerator<string> {
  yield `{"node":${JSON.stringify(node)},"types":[`;
  for (const [index, { typeUrl, resources, refusals }] of types.entries()) {
    yield `${index === 0 ? '' : ','}{"typeUrl":${JSON.stringify(typeUrl)},"resources":[`;
    const shown = typeUrl.endsWith('.Secret') ? 'none' : bodies;
    const messages = new Map(refusals.map(({ resource, message }) => [resource, message]));
    for (const [at, resource] of resources.entries()) {
      const message = messages.get(resource.name) ?? '';
      yield `${at === 0 ? '' : ','}${JSON.stringify({ ...(await view(resource, shown)), message })}`;
    }
    yield ']}';
  }
  yield ']}';
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
