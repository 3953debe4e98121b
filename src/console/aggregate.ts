// From readings of all proxies to the one document that the page shows. Pure: two readings and the mesh in, the view out.

import { summarize } from './golden.ts';
import type { Mesh, MeshProxy } from './mesh.ts';
import {
  addTraffic,
  createTraffic,
  subtractTraffic,
  type Traffic,
  type TrafficByService,
} from './traffic.ts';
import type { CallView, ConsoleState, DemoView, EndpointView, ServiceView } from './view.ts';

/** One endpoint as one caller's proxy reports it. */
export interface EndpointReading {
  readonly service: string;
  readonly address: string;
  readonly name: string;
  readonly costMs: number | null;
  readonly active: number;
  readonly requests: number;
  readonly ejected: boolean;
  readonly healthy: boolean;
}

/** What one proxy said at one time. */
export interface Reading {
  readonly traffic: TrafficByService;
  readonly endpoints: readonly EndpointReading[];
}

/** All proxies that answered, by node id, and when (Unix ms). */
export interface Readings {
  readonly atMs: number;
  readonly byNode: ReadonlyMap<string, Reading>;
}

export function aggregate(mesh: Mesh, before: Readings, now: Readings, demo: DemoView | null): ConsoleState {
  const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000);
  const calls = addCalls(mesh.proxies, before, now);
  const [total, byService] = [
    createTraffic(),
    new Map<string, Traffic>(mesh.services.map((name) => [name, createTraffic()])),
  ];
  for (const { to, traffic } of calls.values()) {
    addTraffic(total, traffic);
    addTraffic(entry(byService, to), traffic);
  }
  const endpoints = mergeEndpoints(now);
  return {
    atMs: now.atMs,
    version: mesh.version,
    golden: summarize(total, seconds),
    services: [...byService]
      .sort(byName)
      .map(([name, traffic]) => serviceView(name, traffic, seconds, endpoints)),
    calls: [...calls.values()].map(
      ({ from, to, traffic }): CallView => ({ from, to, golden: summarize(traffic, seconds) }),
    ),
    endpoints,
    proxies: mesh.proxies.map(({ node, role, connected, version, ageSeconds, nack }) => {
      return { node, role, connected, version, ageSeconds, nack, reached: now.byNode.has(node) };
    }),
    issues: mesh.issues,
    demo,
  };
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
    for (const [service, traffic] of now.byNode.get(node)?.traffic ?? []) {
      const between = subtractTraffic(traffic, before.byNode.get(node)?.traffic.get(service));
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

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a.localeCompare(b);
}

function serviceView(
  name: string,
  traffic: Traffic,
  seconds: number,
  all: readonly EndpointView[],
): ServiceView {
  const endpoints = all.filter((endpoint) => endpoint.service === name);
  const usable = endpoints.filter((endpoint) => endpoint.healthy && endpoint.ejectedBy < endpoint.callers);
  return { name, golden: summarize(traffic, seconds), endpoints: endpoints.length, usable: usable.length };
}

function mergeEndpoints({ byNode }: Readings): EndpointView[] {
  const merged = new Map<string, EndpointView>();
  for (const { endpoints } of byNode.values()) {
    for (const reading of endpoints) {
      const key = `${reading.service} ${reading.name} ${reading.address}`;
      merged.set(key, mergeEndpoint(merged.get(key), reading));
    }
  }
  return [...merged].sort(byName).map(([, view]) => view);
}

function mergeEndpoint(view: EndpointView | undefined, reading: EndpointReading): EndpointView {
  const { service, address, name, costMs } = reading;
  return {
    service,
    address,
    name,
    callers: (view?.callers ?? 0) + 1,
    costMinMs: least(view?.costMinMs ?? null, costMs),
    costMaxMs: costMs === null ? (view?.costMaxMs ?? null) : Math.max(view?.costMaxMs ?? 0, costMs),
    active: (view?.active ?? 0) + reading.active,
    requests: (view?.requests ?? 0) + reading.requests,
    ejectedBy: (view?.ejectedBy ?? 0) + (reading.ejected ? 1 : 0),
    healthy: (view?.healthy ?? true) && reading.healthy,
  };
}

function least(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
