// What a Gateway's status needs to know of the mesh: its model, the proxies that play it, and where clients reach them.

import { type AdsTypeStatus, typeUrls } from '../../xds/index.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { KubernetesSource } from '../kubernetes/kubernetes-source.ts';
import { fieldOf, textOf } from '../kubernetes/types.ts';
import type { GatewayModel } from '../model/types.ts';
import { listOf } from './route-status.ts';
import type { GatewayAddress, GatewayFacts } from './types.ts';

/** GEP-1762: what belongs to a Gateway carries its name. */
const gatewayLabel = 'gateway.networking.k8s.io/gateway-name';
/** GatewayStatus.addresses: the CRD's bound. */
const addressesMax = 16;

export class PlaneFacts implements GatewayFacts {
  private readonly plane: ControlPlane;
  private readonly source: KubernetesSource;

  constructor(plane: ControlPlane, source: KubernetesSource) {
    this.plane = plane;
    this.source = source;
  }

  gateway(namespace: string, name: string): GatewayModel | null {
    return this.plane.built.model.gateways.get(`${namespace}/${name}`) ?? null;
  }

  /** Of the Services that carry its name: what a load balancer has, else the cluster's own. */
  addresses(namespace: string, name: string): readonly GatewayAddress[] {
    const services = this.source
      .objectsOf('Service', namespace)
      .filter(({ value }) => fieldOf(value, 'metadata', 'labels', gatewayLabel) === name);
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

  proxies(namespace: string, name: string): { readonly connected: number; readonly current: number } {
    const own = this.plane.proxies.list().filter(({ entry, streams }) => {
      const { scope } = entry;
      return (
        streams > 0 && scope?.role === 'gateway' && scope.namespace === namespace && scope.gateway === name
      );
    });
    if (own.length === 0) return { connected: 0, current: 0 };
    const ids = new Set(own.map(({ node }) => node.id));
    const current = this.plane.adsServer
      .status()
      .filter(({ node, types }) => ids.has(node?.id ?? '') && types.some(isCurrent));
    return { connected: own.length, current: current.length };
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
