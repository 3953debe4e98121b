// Envoy refuses a whole table in which two hosts have one domain. Names of Services cannot meet; that of a pod can meet
// that of a Service in a namespace named like a Service (`db-0.db`). There the cluster's DNS answers the pod to its own
// namespace, and so does the mesh. A name in `.svc` is the Service's for all: of a pod it is one only by a search list,
// where a namespace is named `svc`.

import type { Model, PortModel, ServiceModel } from '../model/types.ts';
import { clusterDomain, domainsOf } from './names.ts';

export class DomainClaims {
  /** Domain of a pod to the port it belongs to: as all see it, and as callers of its namespace do. */
  private readonly far = new Map<string, string>();
  private readonly near = new Map<string, Map<string, string>>();
  /** Domains that pods would have, and Services do. */
  private readonly yielded = new Set<string>();
  /** Ids of Services that may lose a domain to one of these, and of pods that yield one. */
  private readonly contested = new Set<string>();

  constructor(model: Model) {
    for (const service of model.services.values()) if (service.podOf !== null) this.addPod(service);
    for (const [domain, port] of [...this.far])
      if (isWhole(domain) && model.services.has(serviceNamed(domain) ?? '')) {
        this.far.delete(domain);
        this.yielded.add(domain);
        this.contested.add(port.replace(/:\d+$/, ''));
      }
    for (const domains of [this.far, ...this.near.values()])
      for (const domain of domains.keys()) {
        const id = serviceNamed(domain);
        if (id !== null && model.services.has(id)) this.contested.add(id);
      }
  }

  isContested(service: ServiceModel): boolean {
    return this.contested.has(service.id);
  }

  /** As callers in `namespace` see it. */
  domainsOf(service: ServiceModel, port: PortModel, namespace: string): readonly string[] {
    const domains = domainsOf(service, port, namespace);
    const near = this.near.get(namespace);
    return domains.filter((domain) => {
      if (service.podOf !== null && this.yielded.has(domain)) return false;
      const owner = near?.get(domain) ?? this.far.get(domain);
      return owner === undefined || owner === port.id;
    });
  }

  private addPod(service: ServiceModel): void {
    const { namespace } = service;
    const near = this.near.get(namespace) ?? new Map<string, string>();
    this.near.set(namespace, near);
    for (const port of service.ports) {
      for (const domain of domainsOf(service, port, '')) claim(this.far, domain, port);
      for (const domain of domainsOf(service, port, namespace))
        if (!this.far.has(domain)) claim(near, domain, port);
    }
  }
}

function claim(owners: Map<string, string>, domain: string, port: PortModel): void {
  if (!owners.has(domain)) owners.set(domain, port.id);
}

/** `ledger.bank.svc`, with a port or without. */
function isWhole(domain: string): boolean {
  return /^[^.]+[.][^.]+[.]svc(:\d+)?$/.test(domain);
}

/** `db/db-0` of `db-0.db.svc:80`: the Service that would have this name; null: none could. */
function serviceNamed(domain: string): string | null {
  const host = domain.replace(/:\d+$/, '').replace(/\.$/, '');
  const labels = host
    .replace(`.svc.${clusterDomain}`, '')
    .replace(/\.svc$/, '')
    .split('.');
  return labels.length === 2 ? `${labels[1]}/${labels[0]}` : null;
}
