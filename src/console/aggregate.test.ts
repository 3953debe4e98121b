import { describe, expect, test } from 'bun:test';
import { aggregate } from './aggregate.ts';
import type { Mesh, MeshProxy } from './mesh.ts';
import type { EndpointReading, Reading, Readings } from './readings.ts';
import type { Traffic } from './traffic.ts';

function proxy(node: string, workload: string): MeshProxy {
  return {
    node,
    role: 'sidecar',
    workload,
    admin: '127.0.0.1:1',
    weft: true,
    connected: true,
    sync: 'in sync',
    version: 'v',
    ageSeconds: 1,
    nack: null,
  };
}

function traffic(requests: number, failures = 0): Traffic {
  return { requests, failures, retries: 0, buckets: new Map([[0.01, requests]]) };
}

function endpoint(over: Partial<EndpointReading>): EndpointReading {
  const plain = { service: 'bank/ledger', address: '127.0.0.1:1', name: 'ledger-0', active: 0, requests: 0 };
  return { ...plain, costMs: null, failures: 0, errorShare: 0, ejected: false, healthy: true, ...over };
}

function readings(atMs: number, byNode: Record<string, Partial<Reading>>): Readings {
  const full = Object.entries(byNode).map(
    ([node, part]) => [node, { traffic: new Map(), endpoints: [], ...part }] as const,
  );
  return { atMs, byNode: new Map(full) };
}

const mesh: Mesh = {
  version: 'v1',
  services: ['bank/ledger', 'bank/idle'],
  proxies: [proxy('a-0', 'bank/a'), proxy('a-1', 'bank/a'), proxy('b-0', 'bank/b')],
  issues: [],
};

describe('aggregate', () => {
  const called = { requests: 100, failures: 0 };
  const before = readings(0, {
    'a-0': { traffic: new Map([['bank/ledger', traffic(10)]]), endpoints: [endpoint(called)] },
    'a-1': { traffic: new Map([['bank/ledger', traffic(0)]]), endpoints: [endpoint(called)] },
  });
  const now = readings(2000, {
    'a-0': {
      traffic: new Map([['bank/ledger', traffic(30)]]),
      endpoints: [endpoint({ requests: 120, costMs: 5, active: 1 })],
    },
    'a-1': {
      traffic: new Map([['bank/ledger', traffic(20, 10)]]),
      endpoints: [endpoint({ requests: 120, failures: 10, costMs: 9, ejected: true })],
    },
  });
  const state = aggregate(mesh, before, now, null);

  test('replicas of a workload are one caller', () => {
    expect(state.calls.map(({ from, to, golden }) => [from, to, golden.requestsPerSecond])).toEqual([
      ['bank/a', 'bank/ledger', 20],
    ]);
  });

  test('a service is what its callers saw of it, and one that nobody calls is shown idle', () => {
    const [idle, ledger] = state.services;
    expect([idle?.name, idle?.golden.successShare]).toEqual(['bank/idle', null]);
    expect([ledger?.golden.successShare, state.golden.requestsPerSecond]).toEqual([0.75, 20]);
  });

  test('without an interval, or without a proxy that was read, rates are unknown and not zero', () => {
    const unread = readings(2000, {});
    for (const golden of [aggregate(mesh, null, now, null), aggregate(mesh, before, unread, null)].flatMap(
      ({ golden: all, services }) => [all, ...services.map((service) => service.golden)],
    ))
      expect(golden).toEqual({
        requestsPerSecond: null,
        successShare: null,
        p50Ms: null,
        p99Ms: null,
        retriesPerSecond: null,
      });
  });

  test('a proxy that did not answer last time does not bring its whole life into the interval', () => {
    const missed = readings(0, { 'a-1': { traffic: new Map([['bank/ledger', traffic(0)]]) } });
    expect(aggregate(mesh, missed, now, null).golden.requestsPerSecond).toBe(10);
  });

  test('an endpoint shows the spread of its callers and who ejected it', () => {
    expect(state.endpoints).toEqual([
      {
        service: 'bank/ledger',
        address: '127.0.0.1:1',
        name: 'ledger-0',
        state: 'ejected',
        callers: 2,
        costMinMs: 5,
        costMaxMs: 9,
        fresh: true,
        errorShare: 0.25,
        active: 1,
        requests: 240,
        ejectedBy: 1,
        unhealthyFor: 0,
        goneSeconds: 0,
      },
    ]);
    expect(state.services.find((service) => service.name === 'bank/ledger')?.usable).toBe(0);
  });

  test('a proxy that was not read says why', () => {
    const silent = { ...proxy('b-1', 'bank/b'), admin: '' };
    const left = { ...proxy('b-2', 'bank/b'), connected: false, sync: 'not connected' as const };
    const all = aggregate({ ...mesh, proxies: [...mesh.proxies, silent, left] }, before, now, null);
    expect(all.proxies.map(({ node, data }) => [node, data])).toEqual([
      ['a-0', 'read'],
      ['a-1', 'read'],
      ['b-0', 'no answer'],
      ['b-1', 'no admin address'],
      ['b-2', 'not connected'],
    ]);
  });
});
