// NetworkPolicies for fenced Services: the pods behind a Service that an AccessPolicy names are closed at the network
// to all but the named callers. What the network cannot say (methods, paths) is the proxies' part; what it does say
// holds where a proxy is not asked.

import type { KubernetesSource } from '../kubernetes/kubernetes-source.ts';
import { fieldOf, isRecord, type KubeApi, type KubeObject, textOf } from '../kubernetes/types.ts';
import { accountLabel } from '../model/access.ts';
import type { AccessRuleModel, CallerModel, Model, PortModel, ServiceModel } from '../model/types.ts';
import type { AdoptedObject, FleetObject, FleetOwner } from './object-fleet.ts';

/** A Service that is fenced, and the fence. */
export interface FleetFence extends FleetOwner {
  readonly spec: KubeObject;
}

const root = '/apis/networking.k8s.io/v1';
const plural = 'networkpolicies';
/** Of every NetworkPolicy that is made here; the value is the Service. */
const fenceLabel = 'weft.dev/fence';

/** Probes and metrics of a sidecar: nobody's business to refuse. */
const openPorts: readonly number[] = [15_021, 15_090];

export type FenceSource = Pick<KubernetesSource, 'versionOf'>;

/** Null: not all has been read yet, and what is not known must not open anything. */
export function listFences(
  plane: { readonly settled: boolean; readonly built: { readonly model: Model } },
  source: FenceSource,
): readonly FleetFence[] | null {
  return listFencesBy(plane, source, encodeFence);
}

/** `encode` writes what holds a Service's fence. */
export function listFencesBy(
  plane: { readonly settled: boolean; readonly built: { readonly model: Model } },
  source: FenceSource,
  encode: (service: ServiceModel, all: Iterable<ServiceModel>) => KubeObject,
): readonly FleetFence[] | null {
  if (!plane.settled) return null;
  const { services } = plane.built.model;
  return [...services.values()].flatMap((service): readonly FleetFence[] => {
    const uid = source.versionOf(service.key)?.uid ?? '';
    if (!isFenced(service) || uid === '') return [];
    const { namespace, name } = service;
    return [{ namespace, name, uid, spec: encode(service, services.values()) }];
  });
}

export function renderFence(fence: FleetFence): readonly FleetObject[] {
  const metadata = fenceMetadata(fence);
  const object = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata, spec: fence.spec };
  return [{ root, plural, object }];
}

/** It belongs to its Service. */
export function fenceMetadata({ namespace, name, uid }: FleetFence): KubeObject {
  const owner = { apiVersion: 'v1', kind: 'Service', name, uid, controller: true };
  return {
    name: `weft-fence-${name}`,
    namespace,
    labels: { [fenceLabel]: name },
    ownerReferences: [owner],
  };
}

/** Fences that an earlier leader made; null: the API server does not say. */
export function adoptFences(api: KubeApi): Promise<readonly AdoptedObject<FleetFence>[] | null> {
  return adoptFencesAt(api, root);
}

/** The same below another root of the API. */
export async function adoptFencesAt(
  api: KubeApi,
  root: string,
): Promise<readonly AdoptedObject<FleetFence>[] | null> {
  const path = `${root}/${plural}?labelSelector=${encodeURIComponent(fenceLabel)}`;
  const answer = await api.request({ method: 'GET', path });
  if (!answer.ok || answer.value.status !== 200) return null;
  const items = fieldOf(answer.value.body, 'items');
  return (Array.isArray(items) ? items : []).filter(isRecord).map((item) => {
    const namespace = textOf(item, 'metadata', 'namespace');
    const own = textOf(item, 'metadata', 'name');
    const [owner] = (fieldOf(item, 'metadata', 'ownerReferences') ?? []) as readonly KubeObject[];
    return {
      path: `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}/${encodeURIComponent(own)}`,
      uid: textOf(item, 'metadata', 'uid'),
      owner: { namespace, name: textOf(owner ?? {}, 'name'), uid: textOf(owner ?? {}, 'uid'), spec: {} },
    };
  });
}

/** A Service without a selector has no pods that a NetworkPolicy could name. */
export function isFenced({ podOf, ports, selector }: ServiceModel): boolean {
  if (podOf !== null || Object.keys(selector).length === 0) return false;
  return ports.some(({ access }) => access !== null && access.enforced !== null);
}

function encodeFence(service: ServiceModel, all: Iterable<ServiceModel>): KubeObject {
  const fenced = new Set(service.ports.flatMap(portsOf));
  const open = [...all]
    .filter((other) => other !== service && !isFenced(other) && mayShare(service, other))
    .flatMap((other) => other.ports.flatMap(portsOf))
    // Another name of a fenced port is no way round, and a port by name may be any by number.
    .filter((port) => [...fenced].every((one) => typeof one === typeof port && one !== port));
  return {
    podSelector: { matchLabels: service.selector },
    policyTypes: ['Ingress'],
    ingress: [
      ...service.ports.flatMap((port) => (port.access?.enforced ?? []).map((rule) => encodeRule(rule, port))),
      { ports: encodePorts([...new Set([...open, ...openPorts])]) },
    ],
  };
}

/** As the pods have them: where the endpoints do not tell, as the Service says. */
export function portsOf({ endpoints, targetPort }: PortModel): readonly (number | string)[] {
  return endpoints.length === 0 ? [targetPort] : endpoints.map(({ port }) => port);
}

/** A pod may be behind both: no label that both ask for has two values. */
function mayShare(one: ServiceModel, other: ServiceModel): boolean {
  if (one.namespace !== other.namespace || other.podOf !== null) return false;
  const wanted = Object.entries(other.selector);
  return wanted.length > 0 && wanted.every(([label, value]) => (one.selector[label] ?? value) === value);
}

function encodeRule({ callers }: AccessRuleModel, port: PortModel): KubeObject {
  const ports = encodePorts([...new Set(portsOf(port))]);
  return callers === null ? { ports } : { from: callers.map(encodeCaller), ports };
}

function encodePorts(ports: readonly (number | string)[]): readonly KubeObject[] {
  return ports.map((port) => ({ protocol: 'TCP', port }));
}

function encodeCaller(caller: CallerModel): KubeObject {
  if (caller.kind === 'block') {
    const { cidr, except } = caller;
    return { ipBlock: except.length === 0 ? { cidr } : { cidr, except } };
  }
  const namespace = caller.kind === 'account' ? caller.namespace : caller.name;
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
  // Of an account whose pods are not told apart by a label, the network lets the namespace pass, and the proxies judge.
  if (caller.kind !== 'account' || !caller.labelled) return { namespaceSelector };
  return { namespaceSelector, podSelector: { matchLabels: { [accountLabel]: caller.name } } };
}
