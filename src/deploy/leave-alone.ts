// Which pods get no sidecar, and why: the webhook counts them by the word, people read the sentence.

import { proxyUser } from './limits.ts';
import type { ContainerObject, PodObject } from './objects.ts';

export interface LeaveReason {
  readonly code: 'asked' | 'has-sidecar' | 'windows' | 'host-network' | 'privileged' | 'proxy-user';
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
  const user = spec.containers.find(
    ({ securityContext }) => (securityContext?.runAsUser ?? spec.securityContext?.runAsUser) === proxyUser,
  );
  if (user !== undefined)
    return { code: 'proxy-user', text: `container ${user.name} runs as the proxy's user, ${proxyUser}` };
  // It could change the rules of its network, and often does (CNI plugins, containers in containers).
  const mighty = asked === null ? spec.containers.find(isPrivileged) : undefined;
  if (mighty === undefined) return null;
  return {
    code: 'privileged',
    text: `container ${mighty.name} is privileged, and the pod does not ask for it`,
  };
}

function isPrivileged({ securityContext }: ContainerObject): boolean {
  return securityContext?.['privileged'] === true;
}
