// Services with what belongs to them: ports that the mesh carries, endpoints, policy. Routes are attached afterwards
// (routes.ts).

import type { EndpointSliceObject, GrpcRouteObject, ServiceObject } from '../schema/resources.ts';
import { isIpv4, isIpv6, isOfServer } from '../schema/values.ts';
import type { Access } from './access.ts';
import type { BackendTls } from './backend-tls.ts';
import { groupSlices, joinEndpoints } from './endpoints.ts';
import { nameOf, type ResourceIndex } from './index-resources.ts';
import type { Policies } from './policies.ts';
import type { ConditionBook } from './status.ts';
import { decideLocality, isSticky, tellHints } from './traffic-policy.ts';
import type { EndpointModel, PortModel, PortProtocol, ServiceModel, UncarriedPort } from './types.ts';

type ServicePort = ServiceObject['spec']['ports'][number];

/**
 * What people write (`kubernetes.io/…`: KEP-3726). Empty: HTTP/1.1 is assumed, as every caller reaches the mesh by
 * HTTP, unless a GRPCRoute sends there or the port's name says so.
 */
const protocols: ReadonlyMap<string, PortProtocol> = new Map([
  ['http', 'http'],
  ['kubernetes.io/ws', 'http'],
  ['kubernetes.io/h2c', 'http2'],
  ['h2c', 'http2'],
  ['http2', 'http2'],
  ['grpc', 'http2'],
  ['tcp', 'opaque'],
  ['tls', 'opaque'],
  ['https', 'opaque'],
  ['kubernetes.io/wss', 'opaque'],
]);

export function indexServices(index: ResourceIndex): ReadonlyMap<string, ServiceObject> {
  return new Map(index.all('Service').map((service) => [nameOf(service), service]));
}

/**
 * `namespace/service:port` of every port that the mesh carries, and what it speaks; what is not carried, or only as
 * bytes, is told in the Service's conditions.
 */
export function carriedPorts(
  services: ReadonlyMap<string, ServiceObject>,
  grpcPorts: ReadonlySet<string>,
  book: ConditionBook,
): ReadonlyMap<string, PortProtocol> {
  const ports = new Map<string, PortProtocol>();
  for (const [id, service] of services) {
    for (const port of service.spec.ports) {
      const key = `${id}:${port.port}`;
      if (port.protocol === 'TCP') ports.set(key, protocolOf(port, grpcPorts.has(key)));
      const reason = whyNotRead(port);
      if (reason === '') continue;
      const subject = { of: 'port', service: service.key, port: port.port } as const;
      book.refuse(service.key, subject, 'UnsupportedProtocol', reason);
    }
  }
  return ports;
}

/** What people name ports by where they say no appProtocol, as Istio taught them; gRPC-Web is HTTP/1.1 as well. */
const http2Names = /^(grpc|http2|h2c)(-(?!web$|web-).*)?$/;
const httpNames = /^(http|grpc-web)(-|$)/;
const opaqueNames = /^(tcp|tls|https|mongo|mysql|postgres|postgresql|redis|amqp|kafka|smtp)(-.*)?$/;

/** Where nothing is said, and a server may speak first: those that Linkerd takes for opaque (its default). */
const opaquePorts: ReadonlySet<number> = new Set([25, 587, 3306, 4444, 5432, 6379, 9300, 11211]);

function protocolOf({ appProtocol, name }: ServicePort, grpc: boolean): PortProtocol {
  if (appProtocol === '') return grpc || http2Names.test(name) ? 'http2' : 'http';
  return protocols.get(appProtocol.toLowerCase()) ?? 'opaque';
}

/** HTTP is assumed, as of all that says nothing, yet its name or its number speaks against it. */
function isDoubtful({ appProtocol, name, port }: ServicePort, protocol: PortProtocol): boolean {
  if (appProtocol !== '' || protocol !== 'http' || httpNames.test(name)) return false;
  return opaqueNames.test(name) || opaquePorts.has(port);
}

function whyNotRead({ protocol, appProtocol }: ServicePort): string {
  if (protocol !== 'TCP') return `protocol ${protocol} is not carried by the mesh`;
  if (appProtocol === '' || protocols.has(appProtocol.toLowerCase())) return '';
  return `appProtocol ${appProtocol} is not known here: TCPRoute and TLSRoute alone carry it, as bytes`;
}

/**
 * Ports that GRPCRoutes send to: gRPC is HTTP/2, whether the Service says so or not. Only routes of the Service's own
 * namespace count: what a port speaks is its owner's to say, for all who call it.
 */
export function findGrpcPorts(routes: readonly GrpcRouteObject[]): ReadonlySet<string> {
  const ports = new Set<string>();
  for (const { metadata, spec } of routes)
    for (const { backendRefs } of spec.rules)
      for (const { group, kind, namespace = metadata.namespace, name, port } of backendRefs)
        if (kind === 'Service' && (group === '' || group === 'core') && namespace === metadata.namespace)
          ports.add(`${namespace}/${name}:${port}`);
  return ports;
}

export interface ServiceInputs {
  readonly index: ResourceIndex;
  readonly services: ReadonlyMap<string, ServiceObject>;
  readonly carried: ReadonlyMap<string, PortProtocol>;
  readonly policies: Policies;
  readonly access: Access;
  readonly tls: BackendTls;
  readonly book: ConditionBook;
}

export function buildServices({
  index,
  services,
  carried,
  policies,
  access,
  tls,
  book,
}: ServiceInputs): Map<string, ServiceModel> {
  const slices = groupSlices(index.all('EndpointSlice'));
  const models = new Map<string, ServiceModel>();
  for (const [id, service] of services) {
    tellHints(service, book);
    const ports: PortModel[] = [];
    for (const port of service.spec.ports) {
      const protocol = carried.get(`${id}:${port.port}`);
      if (protocol === undefined || port.protocol !== 'TCP') continue;
      const policy = policies.forPort(service, port.name);
      const verdict = tls.forPort(id, port.name);
      // Nobody is called without the TLS that was asked for: a broken port has no endpoints, and no name to resolve.
      const broken = verdict === 'broken';
      const secured = broken ? null : verdict;
      ports.push({
        id: `${id}:${port.port}`,
        service: id,
        port: port.port,
        name: port.name,
        targetPort: port.targetPort ?? port.port,
        protocol: protocolUnder(protocol, port.appProtocol, secured !== null),
        doubtful: secured === null && isDoubtful(port, protocol),
        tls: secured,
        shown: 'of the Gateway',
        locality: decideLocality(service, policy.settings.loadBalancing.locality),
        sticky: isSticky(service),
        policy: policy.settings,
        endpoints: broken ? [] : joinEndpoints(service, port.name, slices.get(id) ?? []),
        closed: broken,
        external: service.spec.type === 'ExternalName' && !broken ? service.spec.externalName : null,
        outside: service.spec.type === 'ExternalName' && isOfServer(service.metadata),
        routes: { producer: null, consumers: new Map() },
        access: access.forPort(service, port),
        owners: [service.key, ...policy.owners, ...tls.ownersOf(id, port.name)],
      });
    }
    const { namespace, name } = service.metadata;
    const { selector } = service.spec;
    const addresses = addressesOf(service);
    const uncarried = uncarriedOf(service, access);
    const model = {
      id,
      key: service.key,
      namespace,
      name,
      podOf: null,
      selector,
      addresses,
      ports,
      uncarried,
    };
    models.set(id, model);
    if (service.spec.clusterIP === 'None') for (const pod of podsOf(model)) models.set(pod.id, pod);
  }
  return models;
}

/** Of most Services, of which there may be ten thousand. */
const allCarried: readonly UncarriedPort[] = [];

function uncarriedOf(service: ServiceObject, access: Access): readonly UncarriedPort[] {
  const rest = service.spec.ports.filter(({ protocol }) => protocol !== 'TCP');
  if (rest.length === 0) return allCarried;
  return rest.map((port) => ({
    protocol: port.protocol,
    targetPort: port.targetPort ?? port.port,
    access: access.forPort(service, port),
  }));
}

/** Without what stands for none. */
function addressesOf({ spec: { clusterIP, clusterIPs } }: ServiceObject): readonly string[] {
  return [...new Set([clusterIP, ...clusterIPs])].filter((address) => isIpv4(address) || isIpv6(address));
}

/** `https` is HTTP once it is known how to speak TLS to it. */
function protocolUnder(protocol: PortProtocol, appProtocol: string, secured: boolean): PortProtocol {
  return secured && protocol === 'opaque' && appProtocol.toLowerCase() === 'https' ? 'http' : protocol;
}

/** Pods of one headless Service that are reached by their own names; more are reached by the Service's alone. */
export const podNamesMax = 256;

/** `db-0.db.bank`, as the cluster's DNS has it: a Service with one pod behind it. */
function podsOf(service: ServiceModel): readonly ServiceModel[] {
  return hostnamesOf(service).map((hostname) => {
    const name = `${hostname}.${service.name}`;
    const ports = service.ports.map((port) => ({
      ...port,
      id: `${service.namespace}/${name}:${port.port}`,
      endpoints: endpointsOf(port, hostname),
    }));
    return { ...service, id: `${service.namespace}/${name}`, name, podOf: service.id, ports };
  });
}

/** Of the pods that have names of their own. */
function hostnamesOf(service: ServiceModel): readonly string[] {
  const hostnames = new Set<string>();
  for (const { endpoints } of service.ports)
    for (const { hostname } of endpoints) if (hostname !== '') hostnames.add(hostname);
  return [...hostnames].sort().slice(0, podNamesMax);
}

function endpointsOf(port: PortModel, hostname: string): readonly EndpointModel[] {
  return port.endpoints.filter((endpoint) => endpoint.hostname === hostname);
}

/** `service` with other slices behind it. */
export function replaceSlices(
  service: ServiceModel,
  object: ServiceObject,
  slices: readonly EndpointSliceObject[],
): ServiceModel {
  const ports = service.ports.map((port) =>
    port.closed ? port : { ...port, endpoints: joinEndpoints(object, port.name, slices) },
  );
  return { ...service, ports };
}

/** The pods of a headless Service with its new endpoints; null: not the same pods have names as before. */
export function replacePods(
  before: ServiceModel,
  service: ServiceModel,
  models: ReadonlyMap<string, ServiceModel>,
): readonly ServiceModel[] | null {
  const hostnames = hostnamesOf(service);
  if (hostnames.join(' ') !== hostnamesOf(before).join(' ')) return null;
  const pods: ServiceModel[] = [];
  for (const hostname of hostnames) {
    const pod = models.get(`${service.namespace}/${hostname}.${service.name}`);
    if (pod === undefined) return null;
    const ports = pod.ports.map((port, i) => ({
      ...port,
      endpoints: endpointsOf(service.ports[i] ?? port, hostname),
    }));
    pods.push({ ...pod, ports });
  }
  return pods;
}
