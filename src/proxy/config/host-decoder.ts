// Virtual hosts that come as resources by themselves (VHDS). What a virtual host inherits stands in its table, so that
// each is decoded within that; and again when the table is another one.

import { fail, type Issue, ok, type Result } from '../../base/index.ts';
import type { VirtualHost } from '../../policy/index.ts';
import { splitRoutes, typeUrls, WireWriter, type XdsResource } from '../../xds/index.ts';
import { type Decoded, decodeResource } from './decode-resource.ts';
import { tableOf } from './demanded-names.ts';

const virtualHostsField = 2;
const inTable = /^virtual_hosts\[0\]\.?/;

export class HostDecoder {
  /** All but the virtual hosts of each table, by its name. */
  private readonly tables = new Map<string, Uint8Array>();

  /** True: hosts of this table are to be decoded anew. */
  setTable(resource: XdsResource): boolean {
    const rest = splitRoutes(resource)?.rest ?? null;
    const before = this.tables.get(resource.name);
    if (rest === null || (before !== undefined && Buffer.compare(before, rest) === 0)) return false;
    this.tables.set(resource.name, rest);
    return true;
  }

  forgetTable(name: string): void {
    this.tables.delete(name);
  }

  decode(resource: XdsResource): Decoded {
    const table = tableOf(resource.name);
    if (table === '') return { ok: false, issues: [fault(resource, 'must be called TABLE/HOST')] };
    const routes = decodeResource({
      name: table,
      version: resource.version,
      typeUrl: typeUrls.route,
      bytes: Buffer.concat([this.tables.get(table) ?? nameOnly(table), frameOf(resource.bytes)]),
    });
    const issues = routes.issues.map((issue) => ({
      ...issue,
      object: resource.name,
      field: issue.field.replace(inTable, ''),
    }));
    const host = routes.ok ? onlyHost(routes, resource) : fail([]);
    if (!host.ok) return { ok: false, issues: [...issues, ...host.error] };
    return { ok: true, meaning: { kind: 'host', value: host.value }, issues };
  }
}

function onlyHost(routes: Extract<Decoded, { ok: true }>, resource: XdsResource): Result<VirtualHost> {
  const { meaning } = routes;
  const host = meaning.kind === 'route' ? meaning.value.virtualHosts.at(-1) : undefined;
  return host === undefined ? fail([fault(resource, 'has no domain that can be served')]) : ok(host);
}

function fault({ name }: XdsResource, rule: string): Issue {
  return { object: name, field: '', rule, value: '' };
}

function nameOnly(table: string): Uint8Array {
  const writer = new WireWriter();
  writer.string(1, table);
  return writer.finish();
}

function frameOf(host: Uint8Array): Uint8Array {
  const writer = new WireWriter(host.length + 16);
  writer.bytes(virtualHostsField, host);
  return writer.finish();
}
