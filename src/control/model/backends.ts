// What routes of every kind send to: a reference to a port of a Service becomes the port's id, or a fault that
// ResolvedRefs tells.

import { externalGroup } from '../schema/external-backend.ts';
import type { BackendObject } from '../schema/parent-ref.ts';
import type { ServiceObject } from '../schema/resources.ts';
import type { BackendTls } from './backend-tls.ts';
import { isRefusal } from './certificates.ts';
import type { ExternalBackends } from './external-backends.ts';
import type { Grants } from './grants.ts';
import { isSticky } from './traffic-policy.ts';
import type { BackendModel, PortProtocol } from './types.ts';

export interface BackendDirectory {
  readonly services: ReadonlyMap<string, ServiceObject>;
  readonly external: ExternalBackends;
  readonly grants: Pick<Grants, 'allow'>;
  /** `namespace/service:port` of the ports that there are, and what they speak. */
  readonly ports: ReadonlyMap<string, PortProtocol>;
  readonly tls: Pick<BackendTls, 'forPort'>;
  /** Its proxies are given keys that pods are shown: those of Gateways are. */
  readonly keys: boolean;
}

export interface BackendFault {
  readonly reason:
    | 'InvalidKind'
    | 'RefNotPermitted'
    | 'BackendNotFound'
    | 'UnsupportedProtocol'
    | 'UnsupportedValue';
  readonly message: string;
}

/** Who refers. */
export interface RouteIdentity {
  readonly kind: string;
  readonly namespace: string;
}

const gatewayGroup = 'gateway.networking.k8s.io';

interface ResolvedBackend extends Pick<BackendModel, 'meshed' | 'sticky'> {
  /** Its id; null where `fault` says why there is none. */
  readonly port: string | null;
  readonly fault: BackendFault | null;
}

export function resolveBackend(
  from: RouteIdentity,
  ref: BackendObject,
  directory: BackendDirectory,
): ResolvedBackend {
  if (ref.kind === 'XBackend' && ref.group === externalGroup)
    return { ...resolveExternal(from, ref, directory), meshed: false, sticky: false };
  const id = `${ref.namespace ?? from.namespace}/${ref.name}`;
  const fault = judgeBackend(from, ref, id, directory);
  const service = directory.services.get(id);
  const meshed = service?.spec.type !== 'ExternalName';
  const sticky = service !== undefined && isSticky(service);
  const usable = fault === null && mayBeSent(id, ref, directory);
  return { port: usable ? `${id}:${ref.port}` : null, fault, meshed, sticky };
}

/** It says its port itself: a reference need not. */
function resolveExternal(
  from: RouteIdentity,
  { name, namespace = from.namespace, port }: BackendObject,
  { external, grants, keys }: BackendDirectory,
): { readonly port: string | null; readonly fault: BackendFault | null } {
  const id = `${namespace}/${name}`;
  const fail = (reason: BackendFault['reason'], message: string) => ({
    port: null,
    fault: { reason, message },
  });
  if (
    !grants.allow(
      { group: gatewayGroup, ...from },
      { group: externalGroup, kind: 'XBackend', namespace, name },
    )
  )
    return fail('RefNotPermitted', `no ReferenceGrant in ${namespace} allows XBackend ${id}`);
  const found = external.get(id);
  if (found === undefined) return fail('BackendNotFound', `there is no XBackend ${id}`);
  const { spec } = found.object;
  if (port !== undefined && port !== spec.port.port)
    return fail('BackendNotFound', `XBackend ${id} has no port ${port}`);
  if (spec.protocol === 'TCP' && readsHttp.has(from.kind))
    return fail('UnsupportedProtocol', `XBackend ${id} does not speak HTTP`);
  if (spec.protocol === 'HTTP11' && from.kind === 'GRPCRoute')
    return fail('UnsupportedProtocol', `XBackend ${id} speaks HTTP/1.1, in which there is no gRPC`);
  if (spec.tls?.mode === 'ClientAndServer' && !keys)
    return fail('UnsupportedValue', `XBackend ${id} wants a certificate, which Gateways alone can show`);
  // What is wrong with itself its own conditions say.
  return { port: isRefusal(found.verdict) ? null : found.verdict.id, fault: null };
}

/** Not where TLS is asked for whose authorities cannot be had: its policy says so. */
function mayBeSent(id: string, { port }: BackendObject, { services, tls }: BackendDirectory): boolean {
  const name = services.get(id)?.spec.ports.find((one) => one.port === port)?.name ?? '';
  return tls.forPort(id, name) !== 'broken';
}

function judgeBackend(
  from: RouteIdentity,
  ref: BackendObject,
  id: string,
  { services, grants, ports, tls }: BackendDirectory,
): BackendFault | null {
  if ((ref.group !== '' && ref.group !== 'core') || ref.kind !== 'Service')
    return { reason: 'InvalidKind', message: `${ref.kind} ${ref.name} is not a Service` };
  const namespace = ref.namespace ?? from.namespace;
  if (
    !grants.allow({ group: gatewayGroup, ...from }, { group: '', kind: 'Service', namespace, name: ref.name })
  )
    return { reason: 'RefNotPermitted', message: `no ReferenceGrant in ${namespace} allows Service ${id}` };
  const service = services.get(id);
  if (service === undefined) return { reason: 'BackendNotFound', message: `there is no Service ${id}` };
  const alias = aliasOf(service);
  if (
    alias !== null &&
    !grants.allow({ group: gatewayGroup, ...from }, { group: '', kind: 'Service', ...alias })
  )
    return {
      reason: 'RefNotPermitted',
      message: `Service ${id} stands for ${service.spec.externalName}, which no ReferenceGrant there allows`,
    };
  if (ref.port === undefined)
    return { reason: 'BackendNotFound', message: `a reference to Service ${id} must name a port` };
  if (!service.spec.ports.some((port) => port.port === ref.port))
    return { reason: 'BackendNotFound', message: `Service ${id} has no port ${ref.port}` };
  const protocol = ports.get(`${id}:${ref.port}`);
  if (protocol === undefined)
    return { reason: 'UnsupportedProtocol', message: `port ${ref.port} of Service ${id} is not of TCP` };
  const { appProtocol, name } = service.spec.ports.find(({ port }) => port === ref.port) ?? {
    appProtocol: '',
    name: '',
  };
  const secured = appProtocol.toLowerCase() === 'https' && tls.forPort(id, name) !== null;
  if (protocol === 'opaque' && readsHttp.has(from.kind) && !secured)
    return {
      reason: 'UnsupportedProtocol',
      message: `port ${ref.port} of Service ${id} does not speak HTTP`,
    };
  return null;
}

const clusterName = /\.cluster\.local\.?$/;

/**
 * What of this cluster an ExternalName stands for: a route must not reach by it what it could not name
 * (CVE-2021-25740). Null: nothing. Of what is no Service (a pod) only who is granted the whole namespace may.
 */
function aliasOf({ spec }: ServiceObject): { readonly namespace: string; readonly name: string } | null {
  const host = spec.externalName.toLowerCase();
  if (spec.type !== 'ExternalName' || !clusterName.test(host)) return null;
  const [kind = '', namespace = '', name = ''] = host.replace(clusterName, '').split('.').reverse();
  return { namespace, name: kind === 'svc' ? name : '' };
}

const readsHttp: ReadonlySet<string> = new Set(['HTTPRoute', 'GRPCRoute']);
