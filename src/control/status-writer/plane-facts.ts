// What a Gateway's status needs to know of the mesh: its model, the proxies that play it, and where clients reach them.

import { type AdsTypeStatus, typeUrls } from '../../xds/index.ts';
import type { ControlPlane } from '../control-plane.ts';
import { judgePodLabels } from '../fleet/list-gateways.ts';
import type { FleetFault } from '../fleet/object-writer.ts';
import type { KubernetesSource } from '../kubernetes/kubernetes-source.ts';
import { fieldOf, textOf } from '../kubernetes/types.ts';
import type { GatewayModel } from '../model/types.ts';
import { gatewayController } from '../schema/gateway.ts';
import { gatewayNameLabel, labelValueOf } from '../schema/gateway-labels.ts';
import { type ObjectKey, objectKey } from '../source/types.ts';
import { addressesAsked } from './gateway-status.ts';
import { emptyReport, type Players, type ReplicaReport } from './replica-report.ts';
import { listOf } from './route-status.ts';
import type { GatewayAddress, GatewayFacts } from './types.ts';

/** GEP-1762: what belongs to a Gateway carries its name. */
/** GatewayStatus.addresses: the CRD's bound. */
const addressesMax = 16;

export class PlaneFacts implements GatewayFacts {
  private readonly plane: ControlPlane;
  private readonly source: KubernetesSource;
  private readonly faults: () => ReadonlyMap<ObjectKey, FleetFault>;
  /** What all proxies say, of every replica. */
  report: ReplicaReport = emptyReport;

  /** `faults`: of what this replica keeps, by the key of whom it keeps it for. */
  constructor(
    plane: ControlPlane,
    source: KubernetesSource,
    faults: () => ReadonlyMap<ObjectKey, FleetFault>,
  ) {
    this.plane = plane;
    this.source = source;
    this.faults = faults;
  }

  gateway(namespace: string, name: string): GatewayModel | null {
    return this.plane.built.model.gateways.get(`${namespace}/${name}`) ?? null;
  }

  ownsClass(name: string): boolean {
    const found = this.source.objectOf(objectKey('', 'GatewayClass', name));
    return textOf(found, 'spec', 'controllerName') === gatewayController;
  }

  gatewayOfSet(namespace: string, name: string): GatewayModel | null {
    const ref = fieldOf(this.source.objectOf(objectKey(namespace, 'ListenerSet', name)), 'spec', 'parentRef');
    if ((textOf(ref, 'kind') || 'Gateway') !== 'Gateway') return null;
    return this.gateway(textOf(ref, 'namespace') || namespace, textOf(ref, 'name'));
  }

  asked(namespace: string, name: string): readonly string[] {
    const gateway = this.source.objectOf(objectKey(namespace, 'Gateway', name));
    return gateway === null ? [] : addressesAsked(gateway);
  }

  /** Of the Services that carry its name: what a load balancer has, else the cluster's own. */
  addresses(namespace: string, name: string): readonly GatewayAddress[] {
    const label = labelValueOf(name);
    const services = this.source
      .objectsOf('Service', namespace)
      .filter(({ value }) => fieldOf(value, 'metadata', 'labels', gatewayNameLabel) === label);
    const all = services.flatMap(({ key, value }): readonly GatewayAddress[] => {
      const status = this.source.versionOf(key)?.status;
      const ingress = listOf(fieldOf(status, 'loadBalancer', 'ingress')).map(addressOfIngress);
      if (ingress.length > 0) return ingress;
      const own = fieldOf(value, 'spec', 'clusterIPs');
      const texts = Array.isArray(own) ? own : [fieldOf(value, 'spec', 'clusterIP')];
      return texts.filter(isAddress).map((text) => ({ type: 'IPAddress', value: text }));
    });
    return all.slice(0, addressesMax);
  }

  proxies(namespace: string, name: string): Players {
    return this.report.gateways.get(`${namespace}/${name}`) ?? { connected: 0, current: 0 };
  }

  fault(kind: 'Gateway' | 'Service', namespace: string, name: string): FleetFault | null {
    return this.report.faults.get(objectKey(namespace, kind, name)) ?? null;
  }

  hiddenLabels(namespace: string, name: string): string {
    const gateway = this.source.objectOf(objectKey(namespace, 'Gateway', name));
    if (gateway === null || fieldOf(gateway, 'spec', 'infrastructure', 'labels') === undefined) return '';
    const services = this.source.objectsOf('Service', namespace).map(({ value }) => value);
    const hidden = judgePodLabels(gateway, services).hidden.map(
      ({ label, service }) => `${label}, by which Service ${service} finds its own`,
    );
    return hidden.length === 0 ? '' : `its pods go without the labels ${hidden.join('; ')}`;
  }

  /** What our own proxies say now, and what we could not write. */
  measure(): ReplicaReport {
    const { nacks, built, adsServer } = this.plane;
    const current = new Set(
      adsServer
        .status()
        .filter(({ types }) => types.some(isCurrent))
        .map(({ node }) => node?.id ?? ''),
    );
    const gateways = new Map<string, Players>();
    for (const { node, entry, streams } of this.plane.proxies.list()) {
      const { scope } = entry;
      if (streams === 0 || scope?.role !== 'gateway') continue;
      const key = `${scope.namespace}/${scope.gateway}`;
      const before = gateways.get(key) ?? { connected: 0, current: 0 };
      const took = current.has(node.id) ? 1 : 0;
      gateways.set(key, { connected: before.connected + 1, current: before.current + took });
    }
    return { gateways, refusals: nacks.refusals(built.model), faults: this.faults() };
  }
}

/** It acknowledged the newest listeners. */
function isCurrent({ typeUrl, status }: AdsTypeStatus): boolean {
  return typeUrl === typeUrls.listener && status === 'SYNCED';
}

function addressOfIngress(ingress: unknown): GatewayAddress {
  const ip = textOf(ingress, 'ip');
  return ip === ''
    ? { type: 'Hostname', value: textOf(ingress, 'hostname') }
    : { type: 'IPAddress', value: ip };
}

/** A headless Service has `None`. */
function isAddress(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value !== 'None';
}
