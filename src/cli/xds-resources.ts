// `weft xds dump` and `weft xds diff`: what a proxy is served, and where it has something else.

import type { JsonValue } from '@bufbuild/protobuf';
import type { ProxyResourcesView, ResourceView } from '../control/index.ts';
import { Exit, exitCode } from './command.ts';

export interface ResourcesFlags {
  readonly url: string;
  readonly type?: string;
  readonly name?: string;
  readonly json?: true;
}

/** Time for the control plane to answer. */
const answerWaitMs = 30_000;

/** Short names of types, as the protocol's own documents have them. */
export const shortTypes: Readonly<Record<string, string>> = {
  Cluster: 'CDS',
  ClusterLoadAssignment: 'EDS',
  Listener: 'LDS',
  RouteConfiguration: 'RDS',
  Secret: 'SDS',
  VirtualHost: 'VHDS',
};

function shorten(typeUrl: string): string {
  const type = typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
  return shortTypes[type] ?? type;
}

async function readProxy(
  node: string,
  flags: ResourcesFlags,
  bodies: 'all' | 'changed',
): Promise<ProxyResourcesView> {
  const address = new URL('/api/v1/xds', flags.url);
  address.searchParams.set('node', node);
  address.searchParams.set('bodies', bodies);
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(answerWaitMs) });
    if (response.status === 404)
      throw new Exit(exitCode.notFine, `weft xds: no proxy that is called ${node} is connected`);
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    return select((await response.json()) as ProxyResourcesView, flags);
  } catch (error) {
    if (error instanceof Exit) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Exit(
      exitCode.notFine,
      `weft xds: the control plane at ${flags.url} cannot be asked: ${reason}`,
    );
  }
}

function select(view: ProxyResourcesView, { type, name }: ResourcesFlags): ProxyResourcesView {
  const types = view.types
    .filter(({ typeUrl }) => type === undefined || shorten(typeUrl) === type.toUpperCase())
    .map(({ typeUrl, resources }) => ({
      typeUrl,
      resources: resources.filter((resource) => name === undefined || resource.name === name),
    }));
  return { node: view.node, types };
}

export async function dump(node: string, flags: ResourcesFlags): Promise<void> {
  console.log(JSON.stringify(await readProxy(node, flags, 'all'), null, 2));
}

/** Ends with 1 where the proxy has something else than it is served. */
export async function diff(node: string, flags: ResourcesFlags): Promise<void> {
  const view = await readProxy(node, flags, 'changed');
  const types = view.types
    .map(({ typeUrl, resources }) => ({ typeUrl, resources: resources.filter(differs) }))
    .filter(({ resources }) => resources.length > 0);
  if (flags.json === true) console.log(JSON.stringify({ node: view.node, types }, null, 2));
  else for (const line of describeDiff({ node: view.node, types })) console.log(line);
  if (types.length > 0) throw new Exit(exitCode.notFine, '');
}

function differs({ state }: ResourceView): boolean {
  return state !== 'synced';
}

const words: Readonly<Record<ResourceView['state'], string>> = {
  synced: 'is as served',
  due: 'is still to be sent',
  sent: 'was sent, and has no answer',
  refused: 'was refused',
  leaving: 'is gone, and still in use',
  absent: 'is asked for, and does not exist',
};

/** Values that are longer say little. */
const valueLengthMax = 100;

/** A line for each resource that differs, and one for each value in it. */
export function describeDiff(view: ProxyResourcesView): readonly string[] {
  if (view.types.length === 0) return [`${view.node} has all that it is served`];
  return view.types.flatMap(({ typeUrl, resources }) =>
    resources.flatMap(({ name, state, message, served, held }) => [
      `${shorten(typeUrl)} ${name} ${words[state]}${message === '' ? '' : `: ${message}`}`,
      ...(served === undefined || held === undefined ? [] : describeValues(held, served)),
    ]),
  );
}

/** `-` what the proxy has, `+` what it is served. */
function describeValues(held: JsonValue, served: JsonValue): readonly string[] {
  const [before, after] = [flatten(held), flatten(served)];
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.flatMap((path) => {
    const [old, next] = [before.get(path), after.get(path)];
    if (old === next) return [];
    return [
      ...(old === undefined ? [] : [`  - ${path}: ${old}`]),
      ...(next === undefined ? [] : [`  + ${path}: ${next}`]),
    ];
  });
}

function flatten(value: JsonValue, path = '', into = new Map<string, string>()): ReadonlyMap<string, string> {
  if (typeof value !== 'object' || value === null) {
    const text = JSON.stringify(value);
    into.set(path, text.length > valueLengthMax ? `${text.slice(0, valueLengthMax)}…` : text);
  } else if (Array.isArray(value))
    for (const [index, one] of value.entries()) flatten(one, `${path}[${index}]`, into);
  else
    for (const [key, one] of Object.entries(value)) flatten(one, path === '' ? key : `${path}.${key}`, into);
  return into;
}
