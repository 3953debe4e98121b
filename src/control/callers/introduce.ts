// Is a caller the node that it says it is, and what is that node to be given? A pure function of what was proven and of
// the Pod as the API server has it: of what a node says of itself only what concerns nobody else is taken (where it
// listens, the ports of its application), and of where it is administered nothing that leads to another.

import { fail, ok, type Result } from '../../base/index.ts';
import type { CallerRefusal, XdsNode } from '../../xds/index.ts';
import { gatewayNameLabel, labelValueOf } from '../schema/gateway-labels.ts';
import type { PodResource } from '../schema/resources.ts';

/** What was proven: an account, and of a token the Pod too. */
export interface ProvenHolder {
  readonly namespace: string;
  readonly account: string;
  /** Null: any Pod of that account, as a certificate names none. */
  readonly pod: { readonly name: string; readonly uid: string } | null;
  /** The node that the API server says the Pod is on; empty: it does not say. */
  readonly node: string;
}

export interface MeshFacts {
  /** Where the control plane and node agents are. */
  readonly namespace: string;
  /** Null: there is none, or it has not been heard of yet. */
  findPod(namespace: string, name: string): PodResource | null;
  /** The Pod of an account on a node, for agents that are not known by name. */
  findPodOn(node: string, namespace: string, account: string): PodResource | null;
}

/** The account of node agents, which may ask for what every namespace calls. */
export const agentAccount = 'weft-agent';

const idPattern = /^(sidecar|agent|gateway|grpc)~([^~]+)$/;
const adminPattern = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})$/;
const zonePattern = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

export function introduceNode(
  claimed: XdsNode,
  holder: ProvenHolder,
  mesh: MeshFacts,
): Result<XdsNode, CallerRefusal> {
  const [, role, who] = idPattern.exec(claimed.id) ?? [];
  if (role === undefined || who === undefined)
    return deny(
      'the node id must be sidecar~POD.NAMESPACE, agent~NODE, gateway~POD.NAMESPACE or grpc~POD.NAMESPACE',
    );
  const found = role === 'agent' ? findAgent(who, holder, mesh) : findPod(who, holder, mesh);
  if (!found.ok) return found;
  const pod = found.value;
  const { namespace } = pod.metadata;
  const said = claimed.metadata['namespace'] ?? '';
  if (said !== '' && said !== namespace)
    return deny(`the node says that its namespace is ${text(said)}, and its Pod is in ${namespace}`);
  if (role === 'gateway' && pod.metadata.labels[gatewayNameLabel] !== labelValueOf(claimed.cluster))
    return deny(`the Pod ${nameOf(pod)} does not carry ${gatewayNameLabel}: ${claimed.cluster}`);
  const { zone } = claimed.locality;
  return ok({
    ...claimed,
    metadata: {
      ...withOwnAdmin(claimed.metadata, pod),
      // A Service may be for callers of its endpoints' own machine alone.
      node: holder.node === '' ? pod.spec.nodeName : holder.node,
      namespace: role === 'agent' ? '' : namespace,
      labels: pod.metadata.labels,
      ...(claimed.metadata['calls'] === undefined ? {} : { account: pod.spec.serviceAccount }),
    },
    // It orders the endpoints that this proxy itself is given, and nothing else.
    locality: { ...claimed.locality, zone: zonePattern.test(zone) ? zone : '' },
  });
}

/** Whoever looks at the mesh asks that address: it may be on his own machine, or the Pod's. */
function withOwnAdmin({ admin, ...metadata }: XdsNode['metadata'], pod: PodResource): XdsNode['metadata'] {
  const match = typeof admin === 'string' ? adminPattern.exec(admin) : null;
  const [, v6, v4, port] = match ?? [];
  const host = v6 ?? v4 ?? '';
  const isOwn = host === '127.0.0.1' || pod.spec.addresses.includes(host);
  return isOwn && Number(port) >= 1 && Number(port) <= 65_535 ? { ...metadata, admin } : metadata;
}

/** A sidecar or a gateway is named by its Pod. */
function findPod(who: string, holder: ProvenHolder, mesh: MeshFacts): Result<PodResource, CallerRefusal> {
  const dot = who.lastIndexOf('.');
  const [name, namespace] = [who.slice(0, dot), who.slice(dot + 1)];
  if (namespace !== holder.namespace || (holder.pod !== null && name !== holder.pod.name))
    return deny(`the node says that it is ${who}, and it is ${describe(holder)}`);
  return checkPod(mesh.findPod(namespace, name), who, holder);
}

/** An agent is named by its node. */
function findAgent(node: string, holder: ProvenHolder, mesh: MeshFacts): Result<PodResource, CallerRefusal> {
  const { namespace, account } = holder;
  if (namespace !== mesh.namespace || account !== agentAccount)
    return deny(
      `an agent is of the account ${mesh.namespace}/${agentAccount}, and it is ${describe(holder)}`,
    );
  const pod =
    holder.pod === null ? mesh.findPodOn(node, namespace, account) : mesh.findPod(namespace, holder.pod.name);
  const checked = checkPod(pod, `the agent of ${node}`, holder);
  if (!checked.ok) return checked;
  const on = holder.node === '' ? checked.value.spec.nodeName : holder.node;
  if (on === '')
    return fail({ fault: 'unavailable', reason: `the node of ${nameOf(checked.value)} is not known yet` });
  return on === node ? checked : deny(`the agent says that it is on ${node}, and it is on ${on}`);
}

function checkPod(
  pod: PodResource | null,
  who: string,
  holder: ProvenHolder,
): Result<PodResource, CallerRefusal> {
  // It may be newer than what was heard of last: the client tries again.
  if (pod === null || (holder.pod !== null && pod.spec.uid !== holder.pod.uid))
    return fail({ fault: 'unavailable', reason: `the Pod of ${who} is not known (yet)` });
  if (pod.spec.serviceAccount !== holder.account)
    return deny(`the Pod ${nameOf(pod)} is not of the account ${holder.account}`);
  return pod.spec.ended ? deny(`the Pod ${nameOf(pod)} has ended`) : ok(pod);
}

export function describe({ namespace, account, pod }: ProvenHolder): string {
  return pod === null ? `of the account ${namespace}/${account}` : `${pod.name}.${namespace}`;
}

function nameOf({ metadata }: PodResource): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 100) : typeof value;
}

function deny(reason: string): Result<never, CallerRefusal> {
  return fail({ fault: 'permission-denied', reason });
}
