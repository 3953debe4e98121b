// Which Gateways are to have proxies: those of our class that can be served, as the model has them.

import type { ControlPlane } from '../control-plane.ts';
import type { KubernetesSource } from '../kubernetes/kubernetes-source.ts';
import { fieldOf, type KubeObject, textOf } from '../kubernetes/types.ts';
import { gatewayClassName, gatewayController } from '../schema/gateway.ts';
import { gatewayClassLabel, gatewayNameLabel, labelValueOf } from '../schema/gateway-labels.ts';
import { objectKey } from '../source/types.ts';
import { addressesAsked } from '../status-writer/gateway-status.ts';
import type { FleetOwner } from './object-fleet.ts';
import { labelsOf, type PodLabels, podLabelsOf } from './pod-labels.ts';
import { revisionOfGateway } from './revisions.ts';

/** One Gateway that is to have proxies. */
export interface FleetGateway extends FleetOwner {
  readonly className: string;
  /** Each once, in order. */
  readonly ports: readonly number[];
  /** Those that it asks for; none: any. */
  readonly addresses: readonly string[];
  /** Of `infrastructure`: for every object that is made for it. */
  readonly labels: Readonly<Record<string, string>>;
  /** Of these, what its pods carry too. */
  readonly podLabels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Those of one revision, '' for those that name none. */
export function listFleetGateways(
  plane: ControlPlane,
  source: KubernetesSource,
  revision: string,
): readonly FleetGateway[] | null {
  if (!plane.settled) return null;
  const services = source.namespacesOf('Service');
  return [...plane.built.model.gateways.values()].flatMap((gateway): readonly FleetGateway[] => {
    const object = source.objectOf(gateway.key);
    const uid = source.versionOf(gateway.key)?.uid ?? '';
    const ports = [...new Set(gateway.sockets.map(({ port }) => port))];
    if (object === null || uid === '' || ports.length === 0) return [];
    const namespace = source.objectOf(objectKey('', 'Namespace', gateway.namespace));
    if (revisionOfGateway(object, namespace) !== revision) return [];
    return [
      {
        namespace: gateway.namespace,
        name: gateway.name,
        uid,
        className: textOf(object, 'spec', 'gatewayClassName'),
        ports,
        addresses: addressesAsked(object),
        labels: labelsOf(fieldOf(object, 'spec', 'infrastructure', 'labels')),
        podLabels: judgePodLabels(
          object,
          (services.get(gateway.namespace) ?? []).map(({ value }) => value),
        ).labels,
        annotations: labelsOf(fieldOf(object, 'spec', 'infrastructure', 'annotations')),
      },
    ];
  });
}

/** Of a Gateway as the API server has it, and the Services of its namespace. */
export function judgePodLabels(gateway: KubeObject, services: readonly KubeObject[]): PodLabels {
  const own = {
    [gatewayNameLabel]: labelValueOf(textOf(gateway, 'metadata', 'name')),
    [gatewayClassLabel]: labelValueOf(textOf(gateway, 'spec', 'gatewayClassName')),
  };
  return podLabelsOf(labelsOf(fieldOf(gateway, 'spec', 'infrastructure', 'labels')), own, services);
}

/** Whether a Gateway that had proxies is gone, or of a class of another controller. */
export function isReleasedGateway(
  source: Pick<KubernetesSource, 'objectOf' | 'versionOf'>,
  { namespace, name, uid }: FleetGateway,
): boolean {
  const key = objectKey(namespace, 'Gateway', name);
  const object = source.objectOf(key);
  if (object === null || source.versionOf(key)?.uid !== uid) return true;
  const className = textOf(object, 'spec', 'gatewayClassName');
  if (className === gatewayClassName) return false;
  const controller = textOf(
    source.objectOf(objectKey('', 'GatewayClass', className)),
    'spec',
    'controllerName',
  );
  return controller !== '' && controller !== gatewayController;
}
