// NetworkPolicies for fenced Services: the pods behind a Service that an AccessPolicy names are closed at the network
// to all but the named callers. What the network cannot say (methods, paths) is the proxies' part; what it does say
// holds where a proxy is not asked.

import type { KubernetesSource } from '../kubernetes/kubernetes-source.ts';
import { fieldOf, isRecord, type KubeApi, type KubeObject, textOf } from '../kubernetes/types.ts';
import { accountLabel } from '../model/access.ts';
import type { AccessModel, CallerModel, Model, ServiceModel } from '../model/types.ts';
import type { AdoptedObject, FleetOwner } from './object-fleet.ts';
import { type FleetObject, isApplied } from './object-writer.ts';

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

/** `encode` writes what holds a Service's fence, beside all Services of its namespace. */
export function listFencesBy(
  plane: { readonly settled: boolean; readonly built: { readonly model: Model } },
  source: FenceSource,
  encode: (service: ServiceModel, neighbours: readonly ServiceModel[]) => KubeObject,
): readonly FleetFence[] | null {
  if (!plane.settled) return null;
  const { services } = plane.built.model;
  const neighbours = Map.groupBy(services.values(), ({ namespace }) => namespace);
  return [...services.values()].flatMap((service): readonly FleetFence[] => {
    const uid = source.versionOf(service.key)?.uid ?? '';
    if (!isFenced(service) || uid === '') return [];
    const { namespace, name } = service;
    return [{ namespace, name, uid, spec: encode(service, neighbours.get(namespace) ?? []) }];
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

/** The same below another root of the API; one that only carries the label is not ours. */
export async function adoptFencesAt(
  api: KubeApi,
  root: string,
): Promise<readonly AdoptedObject<FleetFence>[] | null> {
  const path = `${root}/${plural}?labelSelector=${encodeURIComponent(fenceLabel)}`;
  const answer = await api.request({ method: 'GET', path });
  if (!answer.ok || answer.value.status !== 200) return null;
  const items = fieldOf(answer.value.body, 'items');
  return (Array.isArray(items) ? items : [])
    .filter(isRecord)
    .filter(isOurFence)
    .map((item) => {
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

function isOurFence(item: KubeObject): boolean {
  return isApplied(fieldOf(item, 'metadata'));
}

/** A port of a Service as its pods have it. */
export interface PodPort {
  /** TCP, UDP or SCTP: the network tells one number of two protocols apart. */
  readonly protocol: string;
  /** Where the endpoints do not tell, as the Service says. */
  readonly at: readonly (number | string)[];
  readonly access: AccessModel | null;
}

/** What the mesh does not carry is the network's all the same. */
export function podPortsOf({ ports, uncarried }: ServiceModel): readonly PodPort[] {
  const carried = ports.map(({ endpoints, targetPort, access }) => {
    const at = endpoints.length === 0 ? [targetPort] : [...new Set(endpoints.map(({ port }) => port))];
    return { protocol: 'TCP', at, access };
  });
  const rest = uncarried.map(({ protocol, targetPort, access }) => ({ protocol, at: [targetPort], access }));
  return [...carried, ...rest];
}

/** A Service without a selector has no pods that a NetworkPolicy could name. */
export function isFenced({ podOf, ports, uncarried, selector }: ServiceModel): boolean {
  if (podOf !== null || Object.keys(selector).length === 0) return false;
  return [...ports, ...uncarried].some(({ access }) => access !== null && access.enforced !== null);
}

/** A NetworkPolicy closes its pods to every protocol, so that what is to stay open is said of each. */
function encodeFence(service: ServiceModel, neighbours: readonly ServiceModel[]): KubeObject {
  const fenced = podPortsOf(service);
  const open = neighbours
    .filter((other) => other !== service && !isFenced(other) && mayShare(service, other))
    .flatMap(podPortsOf)
    .map((port) => ({ ...port, at: port.at.filter((one) => !isFencedBy(fenced, port.protocol, one)) }));
  return {
    podSelector: { matchLabels: service.selector },
    policyTypes: ['Ingress'],
    ingress: [
      ...fenced.flatMap((port) =>
        (port.access?.enforced ?? []).map(({ callers }) => ({
          ...(callers === null ? {} : { from: callers.map(encodeCaller) }),
          ports: encodePorts([port]),
        })),
      ),
      { ports: encodePorts([...open, { protocol: 'TCP', at: openPorts }]) },
    ],
  };
}

/** Another name of a fenced port is no way round, and a port by name may be any by number. */
function isFencedBy(fenced: readonly PodPort[], protocol: string, port: number | string): boolean {
  return fenced.some(
    (one) => one.protocol === protocol && one.at.some((at) => typeof at !== typeof port || at === port),
  );
}

/** A pod may be behind both: no label that both ask for has two values. */
function mayShare(one: ServiceModel, other: ServiceModel): boolean {
  if (one.namespace !== other.namespace || other.podOf !== null) return false;
  const wanted = Object.entries(other.selector);
  return wanted.length > 0 && wanted.every(([label, value]) => (one.selector[label] ?? value) === value);
}

function encodePorts(ports: readonly Pick<PodPort, 'protocol' | 'at'>[]): readonly KubeObject[] {
  const all = ports.flatMap(({ protocol, at }) => at.map((port) => ({ protocol, port })));
  return [...new Map(all.map((one) => [`${one.protocol} ${one.port}`, one])).values()];
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
