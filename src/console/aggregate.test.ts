import { describe, expect, test } from 'bun:test';
import { aggregate, type EndpointReading, type Reading, type Readings } from './aggregate.ts';
import type { Mesh, MeshProxy } from './mesh.ts';
import type { Traffic } from './traffic.ts';

function proxy(node: string, workload: string): MeshProxy {
  return {
    node,
    role: 'sidecar',
    workload,
    admin: '',
    connected: true,
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
  return { ...plain, costMs: null, ejected: false, healthy: true, ...over };
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
  const before = readings(0, { 'a-0': { traffic: new Map([['bank/ledger', traffic(10)]]) } });
  const now = readings(2000, {
    'a-0': {
      traffic: new Map([['bank/ledger', traffic(30)]]),
      endpoints: [endpoint({ costMs: 5, active: 1 })],
    },
    'a-1': {
      traffic: new Map([['bank/ledger', traffic(20, 10)]]),
      endpoints: [endpoint({ costMs: 9, ejected: true })],
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

  test('an endpoint shows the spread of its callers and who ejected it', () => {
    expect(state.endpoints).toEqual([
      {
        service: 'bank/ledger',
        address: '127.0.0.1:1',
        name: 'ledger-0',
        callers: 2,
        costMinMs: 5,
        costMaxMs: 9,
        active: 1,
        requests: 0,
        ejectedBy: 1,
        healthy: true,
      },
    ]);
    expect(state.services.find((service) => service.name === 'bank/ledger')?.usable).toBe(1);
  });

  test('a proxy that did not answer is said so', () => {
    expect(state.proxies.map(({ node, reached }) => [node, reached])).toEqual([
      ['a-0', true],
      ['a-1', true],
      ['b-0', false],
    ]);
  });
});
