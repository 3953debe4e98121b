// Services with what belongs to them: ports that the mesh carries, endpoints, policy. Routes are attached afterwards
// (routes.ts).

import type { ServiceObject } from '../schema/resources.ts';
import { groupSlices, joinEndpoints } from './endpoints.ts';
import { nameOf, type ResourceIndex } from './index-resources.ts';
import type { Policies } from './policies.ts';
import { type ConditionBook, itself } from './status.ts';
import type { PortModel, ServiceModel } from './types.ts';

type ServicePort = ServiceObject['spec']['ports'][number];

/** Empty: HTTP/1.1 is assumed, as every caller reaches the mesh by HTTP. */
const carriedProtocols: ReadonlySet<string> = new Set(['', 'http', 'kubernetes.io/ws']);
/** Ports whose application takes HTTP/2 by prior knowledge: `kubernetes.io/h2c` (KEP-3726), and what people write. */
const http2Protocols: ReadonlySet<string> = new Set(['kubernetes.io/h2c', 'h2c', 'http2', 'grpc']);

export function indexServices(index: ResourceIndex): ReadonlyMap<string, ServiceObject> {
  return new Map(index.all('Service').map((service) => [nameOf(service), service]));
}

/** `namespace/service:port` of every port that the mesh carries; the others are told in the Service's conditions. */
export function carriedPorts(
  services: ReadonlyMap<string, ServiceObject>,
  book: ConditionBook,
): ReadonlySet<string> {
  const ports = new Set<string>();
  for (const [id, service] of services) {
    for (const port of service.spec.ports) {
      const reason = whyNotCarried(port);
      if (reason === '') ports.add(`${id}:${port.port}`);
      else
        book.refuse(
          service.key,
          { of: 'port', service: service.key, port: port.port },
          'UnsupportedProtocol',
          reason,
        );
    }
  }
  return ports;
}

function whyNotCarried(port: ServicePort): string {
  if (port.protocol !== 'TCP') return `protocol ${port.protocol} is not carried by the mesh`;
  if (carriedProtocols.has(port.appProtocol.toLowerCase()) || speaksHttp2(port)) return '';
  return `appProtocol ${port.appProtocol} is not supported yet by this version`;
}

function speaksHttp2(port: ServicePort): boolean {
  return http2Protocols.has(port.appProtocol.toLowerCase());
}

export function buildServices(
  index: ResourceIndex,
  services: ReadonlyMap<string, ServiceObject>,
  carried: ReadonlySet<string>,
  policies: Policies,
  book: ConditionBook,
): Map<string, ServiceModel> {
  const slices = groupSlices(index.all('EndpointSlice'));
  const models = new Map<string, ServiceModel>();
  for (const [id, service] of services) {
    tellHints(service, book);
    const ports: PortModel[] = [];
    for (const port of service.spec.ports) {
      if (!carried.has(`${id}:${port.port}`) || port.protocol !== 'TCP') continue;
      const policy = policies.forPort(service, port.name);
      ports.push({
        id: `${id}:${port.port}`,
        service: id,
        port: port.port,
        name: port.name,
        targetPort: port.targetPort ?? port.port,
        http2: speaksHttp2(port),
        locality: decideLocality(service, policy.settings.loadBalancing.locality),
        policy: policy.settings,
        endpoints: joinEndpoints(service, port.name, slices.get(id) ?? []),
        external: service.spec.type === 'ExternalName' ? service.spec.externalName : null,
        routes: { producer: null, consumers: new Map() },
        owners: [service.key, ...policy.owners],
      });
    }
    const { namespace, name } = service.metadata;
    const { selector } = service.spec;
    const model = { id, key: service.key, namespace, name, podOf: null, selector, ports };
    models.set(id, model);
    if (service.spec.clusterIP === 'None') for (const pod of podsOf(model)) models.set(pod.id, pod);
  }
  return models;
}

/** Pods of one headless Service that are reached by their own names; more are reached by the Service's alone. */
export const podNamesMax = 256;

/** `db-0.db.bank`, as the cluster's DNS has it: a Service with one pod behind it. */
function podsOf(service: ServiceModel): readonly ServiceModel[] {
  const hostnames = new Set<string>();
  for (const { endpoints } of service.ports)
    for (const { hostname } of endpoints) if (hostname !== '') hostnames.add(hostname);
  return [...hostnames]
    .sort()
    .slice(0, podNamesMax)
    .map((hostname) => {
      const name = `${hostname}.${service.name}`;
      const ports = service.ports.map((port) => ({
        ...port,
        id: `${service.namespace}/${name}:${port.port}`,
        endpoints: port.endpoints.filter((endpoint) => endpoint.hostname === hostname),
      }));
      return { ...service, id: `${service.namespace}/${name}`, name, podOf: service.id, ports };
    });
}

const localities: ReadonlyMap<string, PortModel['locality']> = new Map([
  ['', 'Any'],
  ['PreferClose', 'PreferZone'],
  ['PreferSameZone', 'PreferZone'],
  ['PreferSameNode', 'PreferNode'],
]);

function tellHints(service: ServiceObject, book: ConditionBook): void {
  const { trafficDistribution, type, ports } = service.spec;
  const tell = (reason: string, message: string): void =>
    book.add(service.key, { type: 'PartiallyInvalid', status: 'False', reason, message, subject: itself });
  if (!localities.has(trafficDistribution))
    tell('UnknownHint', `trafficDistribution ${trafficDistribution} is not known here and has no effect`);
  if (type === 'ExternalName' && ports.length === 0)
    tell('NoPorts', 'an ExternalName is carried by the ports it names, and it names none');
}

function decideLocality(
  service: ServiceObject,
  asked: 'PreferZone' | 'Any' | undefined,
): PortModel['locality'] {
  return asked ?? localities.get(service.spec.trafficDistribution) ?? 'Any';
}
