// Who runs what: the pods that the API server has, beside the proxies that each replica of the control plane knows.
// What neither can tell is unknown, and never counts as well.

import type { ProxiesView, ProxyView } from '../../control/index.ts';
import type { MeshPod, MeshRole } from './mesh-pods.ts';

/**
 * synced: it took all that it is sent; stale: something sent has no answer yet; refused: it refused something, which it
 * lacks or has an older version of; disconnected: no replica has a stream of it; starting: its pod does not run yet;
 * unknown: a replica that could have one did not answer.
 */
export type ProxyState = 'synced' | 'stale' | 'refused' | 'disconnected' | 'starting' | 'unknown';

export interface FleetProxy {
  /** `namespace/pod`, or the id of a proxy whose pod is not known. */
  readonly proxy: string;
  readonly namespace: string;
  /** Empty: it has none, or not in this cluster. */
  readonly pod: string;
  readonly role: MeshRole | '';
  /** Its id at the control plane. */
  readonly node: string;
  /** That its pod was made by; '': none, or not known. */
  readonly revision: string;
  /** Weft's; another program's name; or the image where it was not heard of. */
  readonly version: string;
  readonly state: ProxyState;
  /** Unix time in milliseconds; 0: not known. */
  readonly sinceMs: number;
  /** A sentence each: what it refused, what waits. */
  readonly details: readonly string[];
  /** The replica that it has its stream to; empty: none. */
  readonly control: string;
}

export interface ControlReplica {
  readonly pod: string;
  /** null: it did not answer, or it still reads the cluster; `reason` says so. */
  readonly view: ProxiesView | null;
  readonly reason: string;
}

interface Known {
  readonly view: ProxyView;
  readonly atMs: number;
  readonly control: string;
}

/** By namespace and name. */
export function viewFleet(
  pods: readonly MeshPod[],
  replicas: readonly ControlReplica[],
): readonly FleetProxy[] {
  const known = mergeViews(replicas);
  const complete = replicas.length > 0 && replicas.every(({ view }) => view !== null);
  const running = pods.filter(({ nodeId }) => nodeId !== '');
  const inPods = running.map((pod) => describePod(pod, known.get(pod.nodeId) ?? null, complete));
  const ids = new Set(running.map(({ nodeId }) => nodeId));
  const elsewhere = [...known.values()]
    .filter(({ view }) => view.connected && !ids.has(view.node))
    .map((one) => describeView(one, one.view.node, ''));
  return [...inPods, ...elsewhere].sort((a, b) => (a.proxy < b.proxy ? -1 : 1));
}

/** A proxy that moved is known to two replicas: the one that has its stream counts, then the newest. */
function mergeViews(replicas: readonly ControlReplica[]): ReadonlyMap<string, Known> {
  const known = new Map<string, Known>();
  for (const { pod, view } of replicas)
    for (const one of view?.proxies ?? []) {
      const before = known.get(one.node);
      if (before === undefined || isNewer(one, before.view))
        known.set(one.node, { view: one, atMs: view?.atMs ?? 0, control: pod });
    }
  return known;
}

function isNewer(one: ProxyView, before: ProxyView): boolean {
  if (one.connected !== before.connected) return one.connected;
  return one.lastSeenAtMs > before.lastSeenAtMs;
}

function describePod(pod: MeshPod, known: Known | null, complete: boolean): FleetProxy {
  const proxy = `${pod.namespace}/${pod.name}`;
  if (known?.view.connected === true)
    return {
      ...describeView(known, proxy, pod.name),
      namespace: pod.namespace,
      role: pod.role,
      revision: pod.revision,
    };
  const state = pod.phase === 'Pending' ? 'starting' : complete ? 'disconnected' : 'unknown';
  return {
    proxy,
    namespace: pod.namespace,
    pod: pod.name,
    role: pod.role,
    node: pod.nodeId,
    revision: pod.revision,
    version: versionOf(known?.view) || pod.image,
    state,
    sinceMs: known?.view.lastSeenAtMs ?? pod.startedAtMs,
    details: pod.leaving ? ['its pod is being deleted'] : [],
    control: '',
  };
}

function describeView({ view, atMs, control }: Known, proxy: string, pod: string): FleetProxy {
  return {
    proxy,
    namespace: view.namespace,
    pod,
    role: isRole(view.role) ? view.role : '',
    node: view.node,
    revision: '',
    version: versionOf(view),
    ...judge(view, atMs),
    control,
  };
}

function isRole(role: string): role is MeshRole {
  return role === 'sidecar' || role === 'agent' || role === 'gateway';
}

function versionOf(view: ProxyView | undefined): string {
  return view?.weft || view?.userAgent || '';
}

function judge(view: ProxyView, atMs: number): Pick<FleetProxy, 'state' | 'sinceMs' | 'details'> {
  const { nacks, types, notes } = view;
  const refused = types.filter(({ status }) => status === 'ERROR');
  if (nacks.length > 0 || refused.length > 0) {
    const details = nacks.map(({ resource, message }) => `refused ${resource}: ${message}`);
    const errors = refused.map(({ typeUrl, error }) => `refused ${nameOf(typeUrl)}: ${error}`);
    return {
      state: 'refused',
      sinceMs: Math.min(...nacks.map((nack) => nack.atMs), ...refused.map(({ ageMs }) => atMs - ageMs)),
      details: [...(nacks.length > 0 ? details : errors), ...notes],
    };
  }
  // What it names nothing of is not sent.
  const waiting = types.filter(
    ({ status, subscribed }) => status !== 'SYNCED' && !(status === 'NOT_SENT' && subscribed === 0),
  );
  if (types.length > 0 && waiting.length === 0)
    return { state: 'synced', sinceMs: view.connectedAtMs, details: notes };
  const ages = waiting.map(({ ageMs }) => ageMs).filter((ageMs) => ageMs >= 0);
  const what = waiting.map(({ typeUrl, status }) => `${nameOf(typeUrl)} ${status}`);
  return {
    state: 'stale',
    sinceMs: ages.length > 0 ? atMs - Math.max(...ages) : view.connectedAtMs,
    details: [types.length === 0 ? 'it asked for nothing yet' : what.join(', '), ...notes],
  };
}

function nameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
}
