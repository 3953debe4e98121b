// Outbound virtual hosts for proxies that ask for each when a request needs it (`vhds: on-demand`): named after the
// authority that was asked for, with that as their only domain, so that no two of them can meet in a proxy.

import {
  NamedResources,
  ResourceSet,
  virtualHostType,
  WireReader,
  WireWriter,
  type XdsResource,
} from '../../xds/index.ts';

const field = { name: 1, domains: 2 } as const;

interface Parts {
  readonly domains: readonly string[];
  /** All but name and domains, encoded. */
  readonly rest: Uint8Array;
}

type Index = ReadonlyMap<string, XdsResource>;

const named = new WeakMap<ResourceSet, NamedResources>();
const parts = new WeakMap<XdsResource, Parts>();
const indices = new WeakMap<object, Index>();
/** By the host that they are made of, then by domain. */
const made = new WeakMap<XdsResource, Map<string, XdsResource>>();

/** `hosts`: those of this table. The same object for the same hosts. */
export function nameHosts(table: string, hosts: ResourceSet): NamedResources {
  let known = named.get(hosts);
  if (known === undefined) {
    known = new NamedResources(`${table}/`, hosts, (name) => findHost(table, hosts, name));
    named.set(hosts, known);
  }
  return known;
}

function findHost(table: string, hosts: ResourceSet, name: string): XdsResource | undefined {
  if (!name.startsWith(`${table}/`)) return undefined;
  const domain = name.slice(table.length + 1);
  const host = findDomain(hosts, domain);
  return host === undefined ? undefined : makeHost(host, name, domain);
}

/** What a namespace sees otherwise than others is little, and lies over a set that is looked through once for all. */
export function findDomain(hosts: ResourceSet, domain: string): XdsResource | undefined {
  const { base, over } = hosts;
  if (!(base instanceof ResourceSet)) return indexOf(hosts, hosts).get(domain);
  const own = indexOf(over, over).get(domain);
  if (own !== undefined) return own;
  const common = indexOf(base, base).get(domain);
  return common !== undefined && hosts.get(common.name) === common ? common : undefined;
}

function indexOf(key: object, hosts: ReadonlyMap<string, XdsResource | null>): Index {
  let index = indices.get(key);
  if (index === undefined) {
    index = new Map(
      [...hosts.values()].flatMap((host) =>
        host === null ? [] : partsOf(host).domains.map((domain) => [domain, host] as const),
      ),
    );
    indices.set(key, index);
  }
  return index;
}

function makeHost(host: XdsResource, name: string, domain: string): XdsResource {
  const variants = made.get(host) ?? new Map<string, XdsResource>();
  made.set(host, variants);
  let variant = variants.get(name);
  if (variant === undefined) {
    const { rest } = partsOf(host);
    const writer = new WireWriter(rest.length + name.length + domain.length + 16);
    writer.string(field.name, name);
    writer.string(field.domains, domain);
    writer.raw(rest);
    variant = { name, version: host.version, typeUrl: virtualHostType, bytes: writer.finish() };
    variants.set(name, variant);
  }
  return variant;
}

function partsOf(host: XdsResource): Parts {
  let known = parts.get(host);
  if (known === undefined) {
    known = readParts(host.bytes);
    parts.set(host, known);
  }
  return known;
}

function readParts(bytes: Uint8Array): Parts {
  const domains: string[] = [];
  const rest = new WireWriter(bytes.length);
  const reader = new WireReader(bytes);
  for (;;) {
    const start = reader.position;
    if (!reader.next()) return { domains, rest: rest.finish() };
    if (reader.field === field.domains) domains.push(reader.string());
    else {
      reader.skip();
      if (reader.field !== field.name) rest.raw(bytes.subarray(start, reader.position));
    }
  }
}
