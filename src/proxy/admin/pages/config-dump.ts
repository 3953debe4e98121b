// /config_dump: what is in force, in the shape of Envoy's (admin/v3/config_dump.proto): bootstrap, clusters, listeners,
// routes, endpoints, each with version_info and last_updated, and for what was refused an error_state that says why.

import { formatIssue, type Issue } from '../../../base/index.ts';
import { compileRegex } from '../../../policy/index.ts';
import { typeUrls, virtualHostType } from '../../../xds/index.ts';
import {
  type AcceptedResource,
  describeResource,
  type RefusedResource,
  type ResourceTable,
  tableOf,
} from '../../config/index.ts';
import type { AdminContext } from '../context.ts';
import { type AdminReply, type AdminRequest, json, text } from '../reply.ts';
import { applyMask, parseMask } from './mask.ts';

/** Names of the sections, and of the resource inside an entry. */
const sections = [
  {
    typeUrl: typeUrls.cluster,
    type: 'ClustersConfigDump',
    list: 'dynamic_active_clusters',
    field: 'cluster',
    always: true,
  },
  {
    typeUrl: typeUrls.listener,
    type: 'ListenersConfigDump',
    list: 'dynamic_listeners',
    field: 'listener',
    always: true,
  },
  {
    typeUrl: typeUrls.route,
    type: 'RoutesConfigDump',
    list: 'dynamic_route_configs',
    field: 'route_config',
    always: true,
  },
  {
    typeUrl: typeUrls.endpoint,
    type: 'EndpointsConfigDump',
    list: 'dynamic_endpoint_configs',
    field: 'endpoint_config',
    always: false,
  },
] as const;

type Section = (typeof sections)[number];

/** What a bootstrap brings along, by the list that Envoy shows it in. */
const staticLists = [
  {
    type: 'ClustersConfigDump',
    list: 'static_clusters',
    from: 'clusters',
    field: 'cluster',
    of: 'cluster.v3.Cluster',
  },
  {
    type: 'ListenersConfigDump',
    list: 'static_listeners',
    from: 'listeners',
    field: 'listener',
    of: 'listener.v3.Listener',
  },
] as const;

/**
 * As Envoy's: `include_eds` adds endpoints; `resource` gives the entries of one list; `mask` leaves of the dumps, or of
 * each entry, what it names; `name_regex` takes resources whose whole name it matches.
 */
export function configDumpPage(context: AdminContext, request: AdminRequest): AdminReply {
  const { query } = request;
  const asked = query.get('resource');
  const maskText = query.get('mask');
  const mask = maskText === undefined ? null : parseMask(maskText);
  if (maskText !== undefined && mask === null) return text('mask must be a field mask\n', 400);
  const named = parseNames(query.get('name_regex'));
  if (named === null) return text('name_regex must be a regular expression\n', 400);
  const dumps = createDumps(context, query.has('include_eds'), named);
  if (asked === undefined) return json({ configs: masked(dumps, mask) });
  const dump = dumps.find((one) => Array.isArray(one[asked]));
  if (dump === undefined) return text(`${asked} not found in config dump\n`, 404);
  const entries = (dump[asked] as readonly Dump[]).map((entry) => ({ '@type': entryTypes[asked], ...entry }));
  return json({ configs: masked(entries, mask) });
}

type Dump = Readonly<Record<string, unknown>>;

/** Of an entry that stands alone. */
const entryTypes: Readonly<Record<string, string>> = {
  static_clusters: 'type.googleapis.com/envoy.admin.v3.ClustersConfigDump.StaticCluster',
  dynamic_active_clusters: 'type.googleapis.com/envoy.admin.v3.ClustersConfigDump.DynamicCluster',
  static_listeners: 'type.googleapis.com/envoy.admin.v3.ListenersConfigDump.StaticListener',
  dynamic_listeners: 'type.googleapis.com/envoy.admin.v3.ListenersConfigDump.DynamicListener',
  dynamic_route_configs: 'type.googleapis.com/envoy.admin.v3.RoutesConfigDump.DynamicRouteConfig',
  dynamic_endpoint_configs: 'type.googleapis.com/envoy.admin.v3.EndpointsConfigDump.DynamicEndpointConfig',
};

function masked(dumps: readonly Dump[], mask: ReturnType<typeof parseMask>): readonly Dump[] {
  if (mask === null) return dumps;
  return dumps.map((dump) => applyMask(dump, mask)).filter((dump) => dump !== undefined);
}

function parseNames(pattern: string | undefined): ((name: string) => boolean) | null {
  if (pattern === undefined) return () => true;
  const regex = compileRegex(pattern);
  return regex.ok ? (name) => regex.value.matches(name, 0, name.length) : null;
}

function createDumps(
  context: AdminContext,
  withEndpoints: boolean,
  named: (name: string) => boolean,
): readonly Dump[] {
  const { config } = context;
  const startedAt = isoTime(config.startedAtMs);
  const dumps: Record<string, unknown>[] = [
    {
      '@type': 'type.googleapis.com/envoy.admin.v3.BootstrapConfigDump',
      bootstrap: config.bootstrap.document,
      last_updated: startedAt,
    },
  ];
  for (const section of sections) {
    const table = config.tables.get(section.typeUrl);
    if (table === undefined || !(section.always || withEndpoints)) continue;
    const hosts = section.typeUrl === typeUrls.route ? (config.tables.get(virtualHostType) ?? null) : null;
    dumps.push(describeSection(section, table, named, hosts));
  }
  for (const { type, list, from, field, of } of staticLists) {
    const entries = staticResources(config.bootstrap.document, from)
      .filter(({ name }) => named(typeof name === 'string' ? name : ''))
      .map((resource) => ({
        [field]: { '@type': `type.googleapis.com/envoy.config.${of}`, ...resource },
        last_updated: startedAt,
      }));
    const full = `type.googleapis.com/envoy.admin.v3.${type}`;
    const dump = dumps.find((one) => one['@type'] === full);
    if (entries.length === 0) continue;
    if (dump === undefined) dumps.push({ '@type': full, [list]: entries });
    else dump[list] = entries;
  }
  return dumps;
}

function staticResources(document: unknown, list: string): readonly Dump[] {
  const resources = (document as { static_resources?: Readonly<Record<string, unknown>> } | null)
    ?.static_resources?.[list];
  return Array.isArray(resources) ? (resources as readonly Dump[]) : [];
}

function describeSection(
  section: Section,
  table: ResourceTable,
  named: (name: string) => boolean,
  hosts: ResourceTable | null,
): Record<string, unknown> {
  const names = new Set([...table.accepted.keys(), ...table.refused.keys()]);
  const entries = [...names]
    .filter(named)
    .sort()
    .map((name) => {
      const dump = describeEntry(section, name, table.accepted.get(name), table.refused.get(name));
      return hosts === null ? dump : withHosts(dump, name, hosts);
    });
  return {
    '@type': `type.googleapis.com/envoy.admin.v3.${section.type}`,
    version_info: table.version,
    [section.list]: entries,
  };
}

function describeEntry(
  section: Section,
  name: string,
  accepted: AcceptedResource | undefined,
  refused: RefusedResource | undefined,
): Dump {
  const active =
    accepted === undefined
      ? {}
      : {
          version_info: accepted.resource.version,
          [section.field]: describeResource(accepted.resource),
          last_updated: isoTime(accepted.receivedAtMs),
          ...(accepted.restored ? { restored: true } : {}),
        };
  const error =
    refused === undefined
      ? {}
      : {
          error_state: {
            version_info: refused.version,
            last_update_attempt: isoTime(refused.atMs),
            details: refused.issues.map(formatIssue).join('; '),
          },
        };
  if (section.field === 'listener') {
    return { name, ...(accepted === undefined ? {} : { active_state: active }), ...error };
  }
  return { name, ...active, client_status: refused === undefined ? 'ACKED' : 'NACKED', ...error };
}

/** As in Envoy's: virtual hosts that came by themselves stand in their table. */
function withHosts(dump: Dump, table: string, hosts: ResourceTable): Dump {
  const own = [...hosts.accepted].filter(([name]) => tableOf(name) === table);
  const refused = [...hosts.refused].filter(([name]) => tableOf(name) === table);
  const config = dump['route_config'] as Dump | undefined;
  if (config === undefined || own.length + refused.length === 0) return dump;
  const described = own.map(([, { resource }]) => {
    const { '@type': _, ...host } = describeResource(resource);
    return host;
  });
  const held = (config['virtual_hosts'] ?? []) as readonly unknown[];
  const issues: readonly Issue[] = refused.flatMap(([, { issues: own }]) => own);
  return {
    ...dump,
    route_config: { ...config, virtual_hosts: [...held, ...described] },
    ...(issues.length === 0 || dump['error_state'] !== undefined
      ? {}
      : { error_state: { details: issues.map(formatIssue).join('; ') } }),
  };
}

function isoTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
