// Outbound route configurations, put together from virtual hosts that are encoded once and kept. In a mesh of 1,000
// services and 20 namespaces encoding whole tables took seconds for a change of one service; joined from parts it is a
// copy of bytes. Protobuf allows it: a repeated field is its elements one after another, so the encodings of two
// messages in a row are the encoding of both merged (protobuf.dev/programming-guides/encoding, "Last One Wins").

import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { RouteConfigurationSchema, type VirtualHost } from '../../xds/api.ts';
import type { Model, PortModel, ServiceModel } from '../model/types.ts';
import { domainsOf } from './names.ts';
import { findReferences, type Reference } from './references.ts';
import type { Encoded, ResourceCache } from './resource-cache.ts';
import { compileOutboundHost, compileUnknownHost } from './virtual-hosts.ts';

/** `inputOf` gives the text that determines a port's routes. */
export function encodeOutboundTable(
  name: string,
  model: Model,
  namespace: string,
  inputOf: (service: ServiceModel, port: PortModel) => string,
  cache: ResourceCache,
): Encoded {
  const parts: Uint8Array[] = [encodePart({ name })];
  const references = new Map<string, Reference>();
  const claims = new DomainClaims(model, namespace);
  for (const service of model.services.values()) {
    for (const port of service.ports) {
      const domains = claims.domainsOf(service, port);
      if (domains.length === 0) continue;
      const view = nameView(service, port, namespace);
      const key = `virtual host ${port.id} ${view}`;
      const part = cache.value(key, `${inputOf(service, port)} ${domains.join(' ')}`, () =>
        encodeHost(compileOutboundHost(port, namespace, domains)),
      );
      parts.push(part.bytes);
      for (const reference of part.references) references.set(reference.name, reference);
    }
  }
  parts.push(encodePart({ virtualHosts: [compileUnknownHost()] }));
  return { bytes: concatenate(parts), references: [...references.values()] };
}

/**
 * Envoy refuses a whole table in which two hosts have one domain. Names of Services cannot meet; that of a pod can meet
 * that of a Service in a namespace named like a Service (`db-0.db`). There the cluster's DNS answers the pod to its own
 * namespace, and so does the mesh.
 */
class DomainClaims {
  private readonly namespace: string;
  /** Domain of a pod to the port it belongs to. */
  private readonly pods = new Map<string, string>();

  constructor(model: Model, namespace: string) {
    this.namespace = namespace;
    for (const service of model.services.values()) {
      if (service.podOf === null) continue;
      for (const port of service.ports)
        for (const domain of domainsOf(service, port, namespace))
          if (!this.pods.has(domain)) this.pods.set(domain, port.id);
    }
  }

  domainsOf(service: ServiceModel, port: PortModel): readonly string[] {
    const domains = domainsOf(service, port, this.namespace);
    if (this.pods.size === 0) return domains;
    return domains.filter((domain) => (this.pods.get(domain) ?? port.id) === port.id);
  }
}

/** Callers for whom a port looks the same share its virtual host. */
function nameView(service: ServiceModel, port: PortModel, namespace: string): string {
  if (service.namespace === namespace) return 'near';
  return port.routes.consumers.has(namespace) ? `consumer ${namespace}` : 'far';
}

function encodeHost(host: VirtualHost): Encoded {
  const message = create(RouteConfigurationSchema, { virtualHosts: [host] });
  return { bytes: toBinary(RouteConfigurationSchema, message), references: findReferences(message) };
}

function encodePart(part: MessageInitShape<typeof RouteConfigurationSchema>): Uint8Array {
  return toBinary(RouteConfigurationSchema, create(RouteConfigurationSchema, part));
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
