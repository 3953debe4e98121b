// /config_dump: what is in force, in the shape of Envoy's (admin/v3/config_dump.proto): bootstrap, clusters, listeners,
// routes, endpoints, each with version_info and last_updated, and for what was refused an error_state that says why.

import { formatIssue } from '../../../base/index.ts';
import { typeUrls } from '../../../xds/index.ts';
import {
  type AcceptedResource,
  describeResource,
  type RefusedResource,
  type ResourceTable,
} from '../../config/index.ts';
import type { AdminContext } from '../context.ts';
import { type AdminReply, type AdminRequest, json } from '../reply.ts';

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

/** `?include_eds` adds endpoints, as in Envoy; `?resource=LIST` gives one list. */
export function configDumpPage(context: AdminContext, request: AdminRequest): AdminReply {
  const asked = request.query.get('resource');
  const configs: unknown[] = [];
  if (asked === undefined) {
    configs.push({
      '@type': 'type.googleapis.com/envoy.admin.v3.BootstrapConfigDump',
      bootstrap: context.config.bootstrap.document,
      last_updated: isoTime(context.config.startedAtMs),
    });
  }
  for (const section of sections) {
    if (asked === undefined ? section.always || request.query.has('include_eds') : asked === section.list) {
      const table = context.config.tables.get(section.typeUrl);
      if (table !== undefined) configs.push(describeSection(section, table));
    }
  }
  return json({ configs });
}

function describeSection(section: Section, table: ResourceTable): unknown {
  const names = new Set([...table.accepted.keys(), ...table.refused.keys()]);
  const entries = [...names]
    .sort()
    .map((name) => describeEntry(section, name, table.accepted.get(name), table.refused.get(name)));
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
): unknown {
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

function isoTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
