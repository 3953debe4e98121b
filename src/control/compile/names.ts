// The names a port of a Service answers to (docs/xds.md).

import type { PortModel, ServiceModel } from '../model/types.ts';

export const clusterDomain = 'cluster.local';

/** What its virtual host is called below the name of its table, where it is a resource by itself. */
export function hostName({ name, namespace }: ServiceModel, { port }: PortModel): string {
  return `${name}.${namespace}:${port}`;
}

/**
 * Domains of one port of a Service, its addresses too, bare names for callers in `namespace` only. A name without a
 * port means port 80, or the Service's first port where it has no 80. A port that does not speak HTTP has none.
 */
export function domainsOf(service: ServiceModel, port: PortModel, namespace: string): readonly string[] {
  if (port.protocol === 'opaque') return [];
  const { name } = service;
  const names = [`${name}.${service.namespace}`];
  names.push(`${names[0]}.svc`, `${names[0]}.svc.${clusterDomain}`);
  // The absolute name, as resolvers and some clients write it.
  names.push(`${names[2]}.`);
  if (service.namespace === namespace) names.unshift(name);
  names.push(...service.addresses.map((address) => (address.includes(':') ? `[${address}]` : address)));
  const read = service.ports.filter(({ protocol }) => protocol !== 'opaque');
  const unnamed = read.find((one) => one.port === 80) ?? read[0];
  const withPort = names.map((one) => `${one}:${port.port}`);
  return port === unnamed ? [...names, ...withPort] : withPort;
}
