// Which pods get no sidecar, and why: the webhook counts them by the word, people read the sentence.

import { proxyUser } from './limits.ts';
import type { ContainerObject, PodObject } from './objects.ts';

export interface LeaveReason {
  readonly code:
    | 'asked'
    | 'has-sidecar'
    | 'windows'
    | 'host-network'
    | 'privileged'
    | 'proxy-user'
    | 'other-sidecar';
  readonly text: string;
}

/** `asked`: value of `weft.dev/inject` at the pod itself; null: it says nothing. */
export function findReasonToLeave(
  { spec }: PodObject,
  asked: string | null,
  proxyName: string,
): LeaveReason | null {
  if (asked === 'false' || asked === 'disabled') return { code: 'asked', text: 'weft.dev/inject says so' };
  const all = [...spec.containers, ...(spec.initContainers ?? [])];
  if (all.some(({ name }) => name === proxyName)) return { code: 'has-sidecar', text: 'it has a sidecar' };
  if (spec.os?.name === 'windows') return { code: 'windows', text: 'it runs on Windows' };
  if (spec.hostNetwork === true) return { code: 'host-network', text: 'it has the network of its node' };
  // Both would lead the pod's connections to themselves.
  const other = all.find(({ name }) => otherMeshes.has(name));
  if (other !== undefined)
    return { code: 'other-sidecar', text: `container ${other.name} is the sidecar of another mesh` };
  // What runs beside the application: native sidecars too.
  const beside = [...spec.containers, ...(spec.initContainers ?? []).filter(isSidecar)];
  const user = beside.find(
    ({ securityContext }) => (securityContext?.runAsUser ?? spec.securityContext?.runAsUser) === proxyUser,
  );
  if (user !== undefined)
    return { code: 'proxy-user', text: `container ${user.name} runs as the proxy's user, ${proxyUser}` };
  // It could change the rules of its network, and often does (CNI plugins, containers in containers).
  const mighty = asked === null ? beside.find(isPrivileged) : undefined;
  if (mighty === undefined) return null;
  return {
    code: 'privileged',
    text: `container ${mighty.name} is privileged, and the pod does not ask for it`,
  };
}

/** As their own injectors name them: Istio, Linkerd, Kuma, Consul, Open Service Mesh. */
const otherMeshes: ReadonlySet<string> = new Set([
  'istio-proxy',
  'linkerd-proxy',
  'kuma-sidecar',
  'consul-dataplane',
  'osm-envoy',
]);

function isSidecar(container: ContainerObject): boolean {
  return container['restartPolicy'] === 'Always';
}

function isPrivileged({ securityContext }: ContainerObject): boolean {
  return securityContext?.['privileged'] === true;
}
