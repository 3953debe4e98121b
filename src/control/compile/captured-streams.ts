// Which of the ports that are carried as bytes have a filter chain of their own in a sidecar's outbound listener, where
// the mesh has more of them than a listener should. No tenant takes the chains of others, and what is not to be reached
// past the proxy is closed where it has none.

import { create } from '@bufbuild/protobuf';
import { type Cluster, Cluster_DiscoveryType, ClusterSchema } from '../../xds/api.ts';

export interface CapturedStream {
  readonly addresses: readonly string[];
  readonly port: number;
  /** {@link PortModel.id}. */
  readonly cluster: string;
  readonly namespace: string;
  readonly sticky: boolean;
  /** It is called in TLS, or not by everybody: nothing goes there past the proxy. */
  readonly guarded: boolean;
}

export interface CapturedPorts {
  readonly streams: readonly CapturedStream[];
  /** Their numbers have chains besides. */
  readonly httpPorts: readonly number[];
}

export interface SharedChains {
  /** Each has a chain. */
  readonly carried: readonly CapturedStream[];
  /** Where connections end; null: at all ports of these addresses of whose number there is no chain. */
  readonly closed: readonly { readonly port: number | null; readonly addresses: readonly string[] }[];
  /** What is left out, as sentences. */
  readonly notes: readonly string[];
}

/** Ports of Services that have a chain. */
export const streamsMax = 1_024;

/** Has no endpoints. A rule of access would not do: who speaks first would be heard before it is judged. */
export const closedCluster = 'closed';

export function compileClosedCluster(): Cluster {
  return create(ClusterSchema, {
    name: closedCluster,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    loadAssignment: { clusterName: closedCluster },
  });
}

/** By the workload's namespace. */
const known = new WeakMap<CapturedPorts, Map<string, SharedChains>>();

/** All of its own namespace first, then as many of every other one. */
export function shareChains(ports: CapturedPorts, own: string): SharedChains {
  const { streams } = ports;
  if (streams.length <= streamsMax) return { carried: streams, closed: [], notes: [] };
  const byNamespace = known.get(ports) ?? new Map();
  known.set(ports, byNamespace);
  const shared = byNamespace.get(own) ?? share(ports, own);
  byNamespace.set(own, shared);
  return shared;
}

function share({ streams, httpPorts }: CapturedPorts, own: string): SharedChains {
  const ranked = rank(streams, own);
  const left = ranked.slice(streamsMax);
  const carried = ranked.slice(0, streamsMax);
  const numbers = new Set([...httpPorts, ...carried.map(({ port }) => port)]);
  const closed = close(
    left.filter((one) => one.guarded),
    numbers,
  );
  const shut = countShut(left, numbers, closed);
  const past = left.length - shut;
  const notes: string[] = [];
  if (past > 0) notes.push(`${past} ports that are carried as bytes are reached past the proxy`);
  if (shut > 0)
    notes.push(
      `${shut} ports that are carried as bytes are closed: they have TLS or a policy, or share an address with one that has`,
    );
  return { carried, closed, notes };
}

function countShut(
  left: readonly CapturedStream[],
  numbers: ReadonlySet<number>,
  closed: SharedChains['closed'],
): number {
  const whole = new Set(closed.find(({ port }) => port === null)?.addresses);
  const isShut = ({ addresses, guarded, port }: CapturedStream): boolean =>
    guarded || (!numbers.has(port) && addresses.some((address) => whole.has(address)));
  return left.filter(isShut).length;
}

function rank(streams: readonly CapturedStream[], own: string): readonly CapturedStream[] {
  const counts = new Map<string, number>();
  const ranks = new Map<CapturedStream, number>();
  for (const stream of streams) {
    const { namespace } = stream;
    const before = counts.get(namespace) ?? 0;
    counts.set(namespace, before + 1);
    ranks.set(stream, namespace === own ? -1 : before);
  }
  return streams.toSorted((a, b) => ranks.get(a)! - ranks.get(b)!);
}

/**
 * Who goes to a number that some chain has is led by the chains of that number alone. Elsewhere one chain ends all that
 * goes to these addresses, what needed no guard too: rather that than as many chains as were too many.
 */
function close(streams: readonly CapturedStream[], numbers: ReadonlySet<number>): SharedChains['closed'] {
  const byPort = new Map<number | null, Set<string>>();
  for (const { port, addresses } of streams) {
    const at = numbers.has(port) ? port : null;
    const all = byPort.get(at) ?? new Set();
    byPort.set(at, all);
    for (const address of addresses) all.add(address);
  }
  return [...byPort].map(([port, addresses]) => ({ port, addresses: [...addresses] }));
}
