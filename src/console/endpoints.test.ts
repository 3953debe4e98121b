import { describe, expect, test } from 'bun:test';
import { EndpointMemory, mergeEndpoints } from './endpoints.ts';
import type { EndpointReading, Readings } from './readings.ts';

const plain: EndpointReading = {
  service: 'bank/ledger',
  address: '127.0.0.1:1',
  name: 'ledger-0',
  costMs: null,
  active: 0,
  requests: 0,
  failures: 0,
  errorShare: 0,
  ejected: false,
  healthy: true,
};

/** The one endpoint, as callers said before and say now. */
function merged(before: readonly Partial<EndpointReading>[], now: readonly Partial<EndpointReading>[]) {
  const readings = (list: readonly Partial<EndpointReading>[]): Readings => ({
    atMs: 0,
    byNode: new Map(
      list.map((part, at) => [`p-${at}`, { traffic: new Map(), endpoints: [{ ...plain, ...part }] }]),
    ),
  });
  const views = mergeEndpoints(readings(before), readings(now));
  expect(views).toHaveLength(1);
  return views[0]!;
}

describe('what is said of an endpoint', () => {
  test('a broken one is failing, however good its estimate', () => {
    const view = merged([{ requests: 10 }], [{ requests: 20, failures: 10, costMs: 1 }]);
    expect(view).toMatchObject({ state: 'failing', errorShare: 1, fresh: true });
  });

  test('one that nobody calls any more is not in use: its estimate is old, its failures are remembered', () => {
    const quiet = { requests: 20, failures: 10, costMs: 1 };
    expect(merged([quiet], [{ ...quiet, errorShare: 0.9 }])).toMatchObject({
      state: 'failing',
      errorShare: 0.9,
      fresh: false,
    });
    expect(merged([quiet], [quiet])).toMatchObject({ state: 'idle', fresh: false });
  });

  test('proxies that never called it do not count, neither as callers nor as witnesses', () => {
    const view = merged([{ requests: 5 }, {}, {}], [{ requests: 6, ejected: true }, {}, { ejected: true }]);
    expect(view).toMatchObject({ callers: 1, ejectedBy: 1, state: 'ejected' });
    expect(merged([{}], [{}])).toMatchObject({ callers: 0, errorShare: null, state: 'idle' });
  });

  test('an active check finds it unhealthy without a call', () => {
    expect(merged([{}], [{ healthy: false }])).toMatchObject({ state: 'unhealthy', unhealthyFor: 1 });
  });

  test('a caller that restarted counts from zero; one that was not read before tells no interval', () => {
    expect(merged([{ requests: 100 }], [{ requests: 4, failures: 1 }])).toMatchObject({ errorShare: 0.25 });
    expect(merged([], [{ requests: 400, failures: 400, errorShare: 0 }])).toMatchObject({ fresh: false });
  });

  test('Envoy knows no pod: the same address is the same endpoint', () => {
    expect(merged([{}, {}], [{ name: '' }, { name: 'ledger-0' }])).toMatchObject({ name: 'ledger-0' });
  });
});

describe('an endpoint that no caller knows any more', () => {
  const one = merged([], [{ requests: 1 }]);
  const services = new Set(['bank/ledger']);

  test('is shown as gone for a while', () => {
    const memory = new EndpointMemory(10_000, 100);
    memory.merge([one], 0, services);
    expect(memory.merge([], 4000, services)).toEqual([
      expect.objectContaining({ name: 'ledger-0', state: 'gone', goneSeconds: 4, fresh: false }),
    ]);
    expect(memory.merge([], 10_001, services)).toEqual([]);
  });

  test('comes back as itself, or at another address', () => {
    const memory = new EndpointMemory(10_000, 100);
    memory.merge([one], 0, services);
    memory.merge([], 1000, services);
    expect(memory.merge([one], 2000, services)).toEqual([one]);
    const moved = { ...one, address: '127.0.0.1:2' };
    expect(memory.merge([moved], 3000, services)).toEqual([moved]);
  });

  test('is forgotten with its service, and when there are too many', () => {
    const memory = new EndpointMemory(10_000, 3);
    const many = Array.from({ length: 10 }, (_, at) => ({ ...one, address: `a:${at}`, name: `n-${at}` }));
    memory.merge(many, 0, services);
    expect(memory.merge([], 1, services)).toHaveLength(3);
    expect(memory.merge([], 2, new Set())).toEqual([]);
  });
});
