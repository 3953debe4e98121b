// From readings of all proxies to the one document that the page shows. Pure: two readings and the mesh in, the view
// out.

import { mergeEndpoints } from './endpoints.ts';
import { summarize, unknownGolden } from './golden.ts';
import type { Mesh, MeshProxy } from './mesh.ts';
import type { Readings } from './readings.ts';
import { addTraffic, createTraffic, subtractTraffic, type Traffic } from './traffic.ts';
import type { CallView, ConsoleState, DemoView, EndpointView, ProxyData, ServiceView } from './view.ts';

/** `before` null: there is no interval yet, so no rate is known. */
export function aggregate(
  mesh: Mesh,
  before: Readings | null,
  now: Readings,
  demo: DemoView | null,
): ConsoleState {
  // Signals come from proxies that were read twice; without one, nothing is known, which is not the same as nothing
  // happening.
  const known = before !== null && [...now.byNode.keys()].some((node) => before.byNode.has(node));
  const seconds = known ? Math.max(0.001, (now.atMs - before.atMs) / 1000) : null;
  const earlier = before ?? { atMs: 0, byNode: new Map() };
  const calls = addCalls(mesh.proxies, earlier, now);
  const total = createTraffic();
  const byService = new Map<string, Traffic>(mesh.services.map((name) => [name, createTraffic()]));
  for (const { to, traffic } of calls.values()) {
    addTraffic(total, traffic);
    addTraffic(entry(byService, to), traffic);
  }
  const endpoints = mergeEndpoints(earlier, now);
  return {
    atMs: now.atMs,
    version: mesh.version,
    golden: seconds === null ? unknownGolden : summarize(total, seconds),
    services: [...byService]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([name, traffic]) => serviceView(name, traffic, seconds, endpoints)),
    calls: [...calls.values()].map(
      ({ from, to, traffic }): CallView => ({ from, to, golden: summarize(traffic, seconds) }),
    ),
    endpoints,
    proxies: mesh.proxies.map((proxy) => {
      const { node, role, sync, version, ageSeconds, nack } = proxy;
      return { node, role, sync, version, ageSeconds, nack, data: dataOf(proxy, now) };
    }),
    issues: mesh.issues,
    demo,
  };
}

function dataOf({ node, admin, connected }: MeshProxy, now: Readings): ProxyData {
  if (now.byNode.has(node)) return 'read';
  if (!connected) return 'not connected';
  return admin === '' ? 'no admin address' : 'no answer';
}

interface Call {
  readonly from: string;
  readonly to: string;
  readonly traffic: Traffic;
}

/** Replicas of one workload are one caller. */
function addCalls(proxies: readonly MeshProxy[], before: Readings, now: Readings): Map<string, Call> {
  const calls = new Map<string, Call>();
  for (const { node, workload } of proxies) {
    // A proxy that did not answer last time would bring all that it ever did into this interval.
    const earlier = before.byNode.get(node);
    if (earlier === undefined) continue;
    for (const [service, traffic] of now.byNode.get(node)?.traffic ?? []) {
      const between = subtractTraffic(traffic, earlier.traffic.get(service));
      const key = `${workload} ${service}`;
      const call = calls.get(key) ?? { from: workload, to: service, traffic: createTraffic() };
      addTraffic(call.traffic, between);
      calls.set(key, call);
    }
  }
  return calls;
}

function entry(map: Map<string, Traffic>, name: string): Traffic {
  const found = map.get(name) ?? createTraffic();
  map.set(name, found);
  return found;
}

function serviceView(
  name: string,
  traffic: Traffic,
  seconds: number | null,
  all: readonly EndpointView[],
): ServiceView {
  const endpoints = all.filter((endpoint) => endpoint.service === name);
  const usable = endpoints.filter(({ state }) => state === 'in use' || state === 'idle');
  return { name, golden: summarize(traffic, seconds), endpoints: endpoints.length, usable: usable.length };
}
