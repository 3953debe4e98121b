// Bootstraps that carry the fields effects.test.ts changes: those of testing/effects/*.yaml, each a small document of
// which only what it is about is written, put into the frame that every configuration has.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

type Json = Record<string, unknown>;

/** One document of a carrier; what is absent is the least that is accepted. */
interface Part {
  /** Beside `static_resources`. */
  readonly bootstrap?: Json;
  /** Beside a cluster `a`; static, of one endpoint, where they do not say otherwise. */
  readonly clusters?: readonly Json[];
  readonly secrets?: readonly Json[];
  /** Whole ones. */
  readonly listeners?: readonly Json[];
  /** Fields of one listener, of its one filter chain, and of the connection manager in that. */
  readonly listener?: Json;
  readonly chain?: Json;
  readonly manager?: Json;
  /** Filters before the last: of the network, and of HTTP. */
  readonly network_filters?: readonly Json[];
  readonly http_filters?: readonly Json[];
  /** Fields of the route table, of its one virtual host, and that one's routes. */
  readonly table?: Json;
  readonly host?: Json;
  readonly routes?: readonly Json[];
}

const folder = join(import.meta.dir, 'effects');

/** `names`: of all messages; a carrier's `@type` says as much of the end of one as is clear. */
export function readCarriers(names: readonly string[]): readonly Json[] {
  const files = readdirSync(folder).sort();
  return files.flatMap((file) => {
    const parsed: unknown = Bun.YAML.parse(readFileSync(join(folder, file), 'utf8'));
    const parts = (Array.isArray(parsed) ? parsed : [parsed]) as Part[];
    return parts.map((part) => nameTypes(frame(part), names));
  });
}

function frame(part: Part): Json {
  const clusters = [{ name: 'a' }, ...(part.clusters ?? [])].map(completeCluster);
  const { listeners = [], secrets = [] } = part;
  const own = isOfListener(part) ? [frameListener(part)] : [];
  return {
    ...part.bootstrap,
    static_resources: { clusters, secrets, listeners: [...listeners, ...own] },
  };
}

const ofListener = [
  'listener',
  'chain',
  'manager',
  'network_filters',
  'http_filters',
  'table',
  'host',
  'routes',
];

function isOfListener(part: Part): boolean {
  return ofListener.some((key) => Object.hasOwn(part, key));
}

function completeCluster(cluster: Json): Json {
  if (cluster['type'] !== undefined) return cluster;
  const endpoint = { address: { socket_address: { address: '127.0.0.1', port_value: 80 } } };
  const load_assignment = { cluster_name: cluster['name'], endpoints: [{ lb_endpoints: [{ endpoint }] }] };
  return { type: 'STATIC', load_assignment, ...cluster };
}

function frameListener(part: Part): Json {
  const filters = [...(part.network_filters ?? [])];
  const last = filters.at(-1)?.['typed_config'] as Json | undefined;
  if (!String(last?.['@type']).endsWith('TcpProxy')) filters.push(frameManager(part));
  return {
    name: 'l',
    address: { socket_address: { address: '127.0.0.1', port_value: 1 } },
    filter_chains: [{ filters, ...part.chain }],
    ...part.listener,
  };
}

function frameManager(part: Part): Json {
  const routes = part.routes ?? [{ match: { prefix: '/' }, route: { cluster: 'a' } }];
  const host = { name: 'all', domains: ['*'], routes, ...part.host };
  const router = { name: 'router', typed_config: { '@type': 'router.v3.Router' } };
  const typed_config = {
    '@type': 'http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'web',
    http_filters: [...(part.http_filters ?? []), router],
    ...(part.manager?.['rds'] === undefined && { route_config: { virtual_hosts: [host], ...part.table } }),
    ...part.manager,
  };
  return { name: 'manager', typed_config };
}

/** A copy of its own, whole names in place of short ones. */
function nameTypes<T>(value: T, names: readonly string[]): T {
  const text = JSON.stringify(value, (key, inner: unknown) => {
    if (key !== '@type' || String(inner).includes('/')) return inner;
    const found = names.filter((name) => `.${name}`.endsWith(`.${inner}`));
    if (found.length !== 1) throw new Error(`${inner} is the end of ${found.length} names of messages`);
    return `type.googleapis.com/${found[0]}`;
  });
  return JSON.parse(text) as T;
}
