// Outbound route configurations, put together from virtual hosts that are encoded once and kept. In a mesh of 1,000
// services and 20 namespaces encoding whole tables took seconds for a change of one service; joined from parts it is a
// copy of bytes. Protobuf allows it: a repeated field is its elements one after another, so the encodings of two
// messages in a row are the encoding of both merged (protobuf.dev/programming-guides/encoding, "Last One Wins").

import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { RouteConfigurationSchema } from '../../xds/api.ts';
import { type ResourceSet, typeUrls, type XdsResource } from '../../xds/index.ts';
import type { Model, PortModel, ServiceModel } from '../model/types.ts';
import { compilePassthroughHost, passthroughDomain } from './captured.ts';
import { DomainClaims } from './domain-claims.ts';
import { type HostPart, HostSets } from './host-sets.ts';
import { fromAds } from './messages.ts';
import { domainsOf, hostName } from './names.ts';
import { findReferences, type Reference, rememberReferences } from './references.ts';
import { encodeResource, hashOf } from './resource.ts';
import { isRoutedAlike, rulesOf } from './routing.ts';
import { type Callers, compileOutboundHost, compileUnknownHost } from './virtual-hosts.ts';

/** Of one Service, by how callers see it (see {@link nameView}). */
type ServiceHosts = Map<string, readonly HostPart[]>;

/** Which table is asked for. */
export interface TableKind {
  /** Of its listener. */
  readonly name: string;
  /** Of the callers. */
  readonly namespace: string;
  /** Its connections were led to it, and may be for anybody. */
  readonly capture: boolean;
}

interface Table {
  readonly resource: XdsResource;
  /** Of which model. */
  readonly age: number;
}

export class OutboundTables {
  private model: Model;
  private claims: DomainClaims;
  private age = 0;
  private readonly hosts = new Map<string, ServiceHosts>();
  private readonly tables = new Map<string, Table>();
  private readonly sets = new Map<string, HostSets>();
  /** Services of each namespace, and those that it sees otherwise than others do. */
  private special: ReadonlyMap<string, readonly ServiceModel[]> = new Map();

  constructor(model: Model) {
    this.model = model;
    this.claims = new DomainClaims(model);
  }

  /** `model` routes otherwise than the one before it. What was not asked for since then is dropped. */
  follow(model: Model): void {
    for (const [id, service] of this.model.services) {
      const next = model.services.get(id);
      if (next === undefined || !isRoutedAlike(service, next)) this.hosts.delete(id);
    }
    for (const [key, { age }] of this.tables) if (age < this.age) this.tables.delete(key);
    this.age += 1;
    this.model = model;
    this.claims = new DomainClaims(model);
    this.special = new Map();
  }

  /** Routes of a listener of this name, for callers in `namespace`. */
  tableOf(kind: TableKind): XdsResource {
    const { name, namespace, capture } = kind;
    const key = `${name} ${namespace} ${capture}`;
    const held = this.tables.get(key);
    if (held?.age === this.age) return held.resource;
    const made = this.join(kind);
    const resource = held?.resource.version === made.version ? held.resource : made;
    this.tables.set(key, { resource, age: this.age });
    return resource;
  }

  /** As {@link tableOf}, but the table says that its hosts come by themselves. */
  hostsOf(kind: TableKind): { readonly routes: XdsResource; readonly hosts: ResourceSet } {
    const { name, namespace, capture } = kind;
    const showsClients = canTellClients(kind);
    const key = `${name} ${showsClients}`;
    let sets = this.sets.get(key);
    if (sets === undefined) {
      sets = new HostSets(name);
      this.sets.set(key, sets);
    }
    const partsOf = (service: ServiceModel, of: string) =>
      this.partsOf(service, { namespace: of, showsClients });
    const hosts = sets.setOf(
      namespace,
      this.age,
      () => [...this.model.services.values()].flatMap((service) => partsOf(service, nobody)),
      () => this.specialOf(namespace).flatMap((service) => partsOf(service, namespace)),
    );
    return { routes: compileHostTable(name, capture), hosts };
  }

  private specialOf(namespace: string): readonly ServiceModel[] {
    if (this.special.size === 0) this.special = listSpecial(this.model, this.claims);
    const contested = this.special.get(nobody) ?? [];
    return [...(this.special.get(namespace) ?? []), ...contested];
  }

  private join(kind: TableKind): XdsResource {
    const { name, namespace, capture } = kind;
    const callers = { namespace, showsClients: canTellClients(kind) };
    const parts: HostPart[] = [encodePart({ name })];
    for (const service of this.model.services.values()) parts.push(...this.partsOf(service, callers));
    if (capture) parts.push(passthroughHost);
    parts.push(unknownHost);
    return new TableResource(name, parts);
  }

  private partsOf(service: ServiceModel, callers: Callers): readonly HostPart[] {
    const { namespace } = callers;
    if (this.claims.isContested(service))
      return encodeHosts(service, callers, (port) => this.claims.domainsOf(service, port, namespace));
    let views = this.hosts.get(service.id);
    if (views === undefined) {
      views = new Map();
      this.hosts.set(service.id, views);
    }
    const view = nameView(service, callers);
    let parts = views.get(view);
    if (parts === undefined) {
      parts = encodeHosts(service, callers, (port) => domainsOf(service, port, namespace));
      views.set(view, parts);
    }
    return parts;
  }
}

/** A caller of no namespace, to whom every Service is far. */
const nobody = '';

/** By namespace: what it sees otherwise than others do; by {@link nobody} what anybody may. */
function listSpecial(model: Model, claims: DomainClaims): ReadonlyMap<string, readonly ServiceModel[]> {
  const special = new Map<string, Set<ServiceModel>>([[nobody, new Set()]]);
  const add = (namespace: string, service: ServiceModel): void => {
    const services = special.get(namespace) ?? new Set();
    special.set(namespace, services.add(service));
  };
  for (const service of model.services.values()) {
    add(claims.isContested(service) ? nobody : service.namespace, service);
    for (const { routes } of service.ports)
      for (const namespace of routes.consumers.keys())
        if (!claims.isContested(service)) add(namespace, service);
  }
  return new Map([...special].map(([namespace, services]) => [namespace, [...services]]));
}

/** Callers for whom a Service looks the same share its virtual hosts. */
function nameView(service: ServiceModel, { namespace, showsClients }: Callers): string {
  const shown = showsClients || !isSticky(service) ? '' : ' hidden';
  if (service.namespace === namespace) return `near${shown}`;
  const consumes = service.ports.some(({ routes }) => routes.consumers.has(namespace));
  return consumes ? `consumer ${namespace}${shown}` : `far${shown}`;
}

/** Some call of it goes by who the client is. */
function isSticky(service: ServiceModel): boolean {
  if (service.ports.some(({ sticky }) => sticky)) return true;
  for (const { action } of rulesOf(service))
    if (action.kind === 'forward' && action.backends.some(({ sticky }) => sticky)) return true;
  return false;
}

/** Who calls a sidecar by its own address comes from that of all: its pods could not be told apart elsewhere. */
function canTellClients({ name, capture }: TableKind): boolean {
  return name !== 'outbound' || capture;
}

function encodeHosts(
  service: ServiceModel,
  callers: Callers,
  domainsIn: (port: PortModel) => readonly string[],
): readonly HostPart[] {
  return service.ports.flatMap((port) => {
    // A Service `passthrough` in a namespace `invalid` is called by its other names: a table has a domain once.
    const domains = domainsIn(port).filter((domain) => domain !== passthroughDomain);
    if (domains.length === 0) return [];
    const host = compileOutboundHost(port, callers, domains);
    return [{ ...encodePart({ virtualHosts: [host] }), name: hostName(service, port) }];
  });
}

function encodePart(part: MessageInitShape<typeof RouteConfigurationSchema>): HostPart {
  const message = create(RouteConfigurationSchema, part);
  const bytes = toBinary(RouteConfigurationSchema, message);
  return { name: '', bytes, references: findReferences(message), hash: hashOf(bytes) };
}

const passthroughHost: HostPart = encodePart({ virtualHosts: [compilePassthroughHost()] });
const unknownHost: HostPart = encodePart({ virtualHosts: [compileUnknownHost()] });

const hostTables = new Map<string, XdsResource>();

/** Whatever the mesh is; an authority that no host comes for is answered 404. */
function compileHostTable(name: string, capture: boolean): XdsResource {
  const key = `${name} ${capture}`;
  let table = hostTables.get(key);
  if (table === undefined) {
    const virtualHosts = capture ? [compilePassthroughHost()] : [];
    const vhds = { configSource: fromAds() };
    const message = create(RouteConfigurationSchema, { name, virtualHosts, vhds });
    table = encodeResource(RouteConfigurationSchema, name, message);
    hostTables.set(key, table);
  }
  return table;
}

/** Its bytes are joined when somebody asks for them. */
class TableResource implements XdsResource {
  readonly name: string;
  readonly version: string;
  readonly typeUrl = typeUrls.route;
  private parts: readonly Uint8Array[];

  constructor(name: string, parts: readonly HostPart[]) {
    this.name = name;
    this.version = hashOf(parts.map(({ hash }) => hash).join(' '));
    this.parts = parts.map(({ bytes }) => bytes);
    const references = new Map<string, Reference>();
    for (const part of parts)
      for (const reference of part.references) references.set(reference.name, reference);
    rememberReferences(this, [...references.values()]);
  }

  get bytes(): Uint8Array {
    const [first] = this.parts;
    if (first !== undefined && this.parts.length === 1) return first;
    const bytes = concatenate(this.parts);
    this.parts = [bytes];
    return bytes;
  }

  keepIn(bytes: Uint8Array): void {
    this.parts = [bytes];
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
