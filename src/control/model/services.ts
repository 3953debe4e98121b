// Services with what belongs to them: ports that the mesh carries, endpoints, policy. Routes are attached afterwards (routes.ts).

import type { ServiceObject } from '../schema/resources.ts';
import { groupSlices, joinEndpoints } from './endpoints.ts';
import { nameOf, type ResourceIndex } from './index-resources.ts';
import type { Policies } from './policies.ts';
import type { ConditionBook } from './status.ts';
import type { PortModel, ServiceModel } from './types.ts';

type ServicePort = ServiceObject['spec']['ports'][number];

/** Empty: HTTP/1.1 is assumed, as every caller reaches the mesh by HTTP. */
const carriedProtocols: ReadonlySet<string> = new Set(['', 'http', 'kubernetes.io/ws']);

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
  if (carriedProtocols.has(port.appProtocol.toLowerCase())) return '';
  return `appProtocol ${port.appProtocol} is not supported yet by this version`;
}

export function buildServices(
  index: ResourceIndex,
  services: ReadonlyMap<string, ServiceObject>,
  carried: ReadonlySet<string>,
  policies: Policies,
): Map<string, ServiceModel> {
  const slices = groupSlices(index.all('EndpointSlice'));
  const models = new Map<string, ServiceModel>();
  for (const [id, service] of services) {
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
        locality: decideLocality(service, policy.settings.loadBalancing.locality),
        policy: policy.settings,
        endpoints: joinEndpoints(service, port.name, slices.get(id) ?? []),
        routes: { producer: null, consumers: new Map() },
        owners: [service.key, ...policy.owners],
      });
    }
    const { namespace, name } = service.metadata;
    models.set(id, { id, key: service.key, namespace, name, selector: service.spec.selector, ports });
  }
  return models;
}

function decideLocality(
  service: ServiceObject,
  asked: 'PreferZone' | 'Any' | undefined,
): PortModel['locality'] {
  if (asked !== undefined) return asked;
  const { trafficDistribution } = service.spec;
  if (trafficDistribution === null) return 'Any';
  return trafficDistribution === 'PreferSameNode' ? 'PreferNode' : 'PreferZone';
}
