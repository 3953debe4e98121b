// The leader's loop over an API server that only counts, in virtual time. That the objects run a Gateway is shown on a
// real one (status.peer.test.ts, docs/conformance).

import { expect, test } from 'bun:test';
import { silentLog, VirtualClock, Xoshiro128 } from '../../base/index.ts';
import { settle } from '../testing/world.ts';
import { fleetLimits } from './limits.ts';
import type { FleetGateway } from './list-gateways.ts';
import { type AdoptedObject, ObjectFleet } from './object-fleet.ts';
import { NamedObjects } from './testing/named-objects.ts';

const gateway = (name: string, ports: readonly number[] = [80]): FleetGateway => ({
  namespace: 'shop',
  name,
  uid: `uid-${name}`,
  className: 'weft',
  ports,
  addresses: [],
  labels: {},
  podLabels: {},
  annotations: {},
});

function createFleet(gateways: FleetGateway[] | null, made: readonly AdoptedObject<FleetGateway>[] = []) {
  const clock = new VirtualClock();
  const api = new NamedObjects();
  const state = { gateways, fault: '', released: true, adopted: true };
  const fleet = new ObjectFleet<FleetGateway>({
    api,
    clock,
    random: new Xoshiro128(1),
    log: silentLog,
    kind: 'Gateway',
    list: () => {
      if (state.fault !== '') throw new Error(state.fault);
      return state.gateways;
    },
    isReleased: () => state.released,
    adopt: async () => (state.adopted ? made : null),
    render: ({ namespace, name: gateway, uid, className, ports }) => {
      const name = className === 'weft' ? gateway : `${gateway}-${className}`;
      const ownerReferences = [{ kind: 'Gateway', name: gateway, uid }];
      const object = { kind: 'Service', metadata: { namespace, name, ownerReferences }, spec: { ports } };
      return [{ root: '/api/v1', plural: 'services', object }];
    },
  });
  const run = async (ms: number) => {
    for (let at = 0; at < ms; at += 100) {
      clock.advanceBy(100);
      await settle();
    }
  };
  return { fleet, state, api, asked: api.asked, run, look: () => api.look() };
}

const services = '/api/v1/namespaces/shop/services';

test('the leader applies what each Gateway needs, once until it changes', async () => {
  const { fleet, state, run, look } = createFleet([gateway('a'), gateway('b')]);
  fleet.poke();
  await run(1_000);
  expect(look()).toEqual([]);
  fleet.lead(true);
  await run(1_000);
  expect(look()).toEqual([`APPLY ${services}/a`, `APPLY ${services}/b`]);
  fleet.poke();
  await run(1_000);
  expect(look()).toEqual([]);
  state.gateways = [gateway('a'), gateway('b', [80, 443])];
  fleet.poke();
  await run(1_000);
  expect(look()).toEqual([`APPLY ${services}/b`]);
});

test('what was changed behind its back heals', async () => {
  const { fleet, run, look } = createFleet([gateway('a')]);
  fleet.lead(true);
  await run(1_000);
  look();
  await run(fleetLimits.resyncMs + 1_000);
  expect(look()).toEqual([`APPLY ${services}/a`]);
});

test('a Gateway that is not ours any more loses its objects', async () => {
  const { fleet, state, run, look } = createFleet([gateway('a'), gateway('b')]);
  fleet.lead(true);
  await run(1_000);
  look();
  state.gateways = [gateway('b')];
  fleet.poke();
  await run(1_000);
  expect(look()).toEqual([`DELETE ${services}/a`]);
});

test('a Gateway that is there but cannot be served keeps its objects as they are', async () => {
  const { fleet, state, run, look } = createFleet([gateway('a'), gateway('b')]);
  fleet.lead(true);
  await run(1_000);
  look();
  state.gateways = [gateway('b')];
  state.released = false;
  fleet.poke();
  await run(1_000);
  expect(look()).toEqual([]);
  state.released = true;
  fleet.poke();
  await run(1_000);
  expect(look()).toEqual([`DELETE ${services}/a`]);
});

test('a Gateway whose objects have other names now loses the old ones', async () => {
  const { fleet, state, run, look } = createFleet([gateway('a')]);
  fleet.lead(true);
  await run(1_000);
  look();
  state.gateways = [{ ...gateway('a'), className: 'other' }];
  state.released = false;
  fleet.poke();
  await run(1_000);
  expect(look()).toEqual([`APPLY ${services}/a-other`, `DELETE ${services}/a`]);
});

test('only the object that was made is taken away, not another of its name', async () => {
  const { fleet, state, api, asked, run, look } = createFleet([gateway('a')]);
  fleet.lead(true);
  await run(1_000);
  look();
  state.gateways = [];
  api.refuse = () => ({ status: 409 });
  fleet.poke();
  await run(60_000);
  expect(asked.map(({ body }) => body)).toEqual([
    { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'object-1' } },
  ]);
  expect(fleet.counters).toMatchObject({ removed: 0, failed: 0 });
});

test('a new leader takes away what an earlier one made and nobody wants any more', async () => {
  const made = (name: string) => ({
    path: `${services}/${name}`,
    uid: `object-${name}`,
    owner: gateway(name),
  });
  const { fleet, api, asked, run, look, state } = createFleet([gateway('a')], [made('a'), made('gone')]);
  for (const name of ['a', 'gone'])
    api.objects.set(`${services}/${name}`, { metadata: { uid: `object-${name}` } });
  fleet.lead(true);
  await run(1_000);
  expect(asked.at(-1)?.body).toMatchObject({ preconditions: { uid: 'object-gone' } });
  expect(look()).toEqual([`APPLY ${services}/a`, `DELETE ${services}/gone`]);
  // What is there cannot be read: nothing is done before it can.
  state.adopted = false;
  fleet.lead(false);
  fleet.lead(true);
  await run(1_000);
  expect(look()).toEqual([]);
  state.adopted = true;
  await run(10_000);
  expect(look()).toContain(`APPLY ${services}/a`);
});

test('nothing is taken away while not all has been read', async () => {
  const { fleet, state, run, look } = createFleet([gateway('a')]);
  fleet.lead(true);
  await run(1_000);
  look();
  state.gateways = null;
  fleet.poke();
  await run(1_000);
  expect(look()).toEqual([]);
});

test('failures are tried again, ever more slowly; a follower stops', async () => {
  const { fleet, api, run, look } = createFleet([gateway('a')]);
  api.refuse = () => ({ status: 403 });
  fleet.lead(true);
  await run(20_000);
  const tries = look().length;
  expect(tries).toBeGreaterThan(3);
  expect(tries).toBeLessThan(8);
  expect(fleet.counters).toMatchObject({ applied: 0, failed: tries });
  fleet.lead(false);
  await run(60_000);
  expect(look()).toEqual([]);
});

test('what changes while a round runs is not forgotten', async () => {
  const { fleet, state, api, run, look } = createFleet([gateway('a')]);
  const { promise, resolve } = Promise.withResolvers<void>();
  api.held = promise;
  fleet.lead(true);
  await run(1_000);
  state.gateways = [gateway('a'), gateway('b')];
  fleet.poke();
  resolve();
  await run(1_000);
  expect(look()).toEqual([`APPLY ${services}/a`, `APPLY ${services}/b`]);
});

test('a follower that leads again while its last round runs begins anew', async () => {
  const { fleet, state, api, run, look } = createFleet([gateway('a')]);
  const { promise, resolve } = Promise.withResolvers<void>();
  api.held = promise;
  fleet.lead(true);
  await run(1_000);
  fleet.lead(false);
  fleet.lead(true);
  state.gateways = [gateway('b')];
  resolve();
  await run(1_000);
  expect(look()).toContain(`APPLY ${services}/b`);
});

test('a round that breaks is not the last', async () => {
  const { fleet, state, run, look } = createFleet([gateway('a')]);
  state.fault = 'broken';
  fleet.lead(true);
  await run(1_000);
  state.fault = '';
  await run(5_000);
  expect(look()).toEqual([`APPLY ${services}/a`]);
  expect(fleet.counters.failed).toBeGreaterThan(0);
});

test('of a Gateway that comes back from another revision all is applied anew', async () => {
  const { fleet, state, run, look } = createFleet([gateway('a')]);
  fleet.lead(true);
  await run(1_000);
  expect(look()).toEqual([`APPLY ${services}/a`]);
  state.released = false;
  state.gateways = [];
  fleet.poke();
  await run(1_000);
  expect(look()).toEqual([]);
  state.gateways = [gateway('a')];
  fleet.poke();
  await run(1_000);
  expect(look()).toEqual([`APPLY ${services}/a`]);
});

const theirs = (...owners: readonly object[]) => ({
  metadata: { uid: 'theirs', ownerReferences: owners, managedFields: [{ manager: 'kubectl' }] },
});

test('what somebody else made under the name is not touched, and its Gateway says so until it is gone', async () => {
  const { fleet, state, api, run, look } = createFleet([gateway('a'), gateway('b')]);
  let told = 0;
  fleet.onFaults = () => told++;
  api.objects.set(`${services}/a`, theirs());
  fleet.lead(true);
  await run(30_000);
  expect(look()).toEqual([`APPLY ${services}/b`]);
  expect([...fleet.faults]).toEqual([
    ['shop/Gateway/a', { reason: 'ObjectNotOurs', message: expect.stringContaining('Service a ') }],
  ]);
  expect(told).toBe(1);
  // Nor is it taken away with the Gateway.
  state.gateways = [gateway('b')];
  fleet.poke();
  await run(1_000);
  expect([look(), fleet.faults.size, told]).toEqual([[], 0, 2]);
  state.gateways = [gateway('a'), gateway('b')];
  api.objects.delete(`${services}/a`);
  fleet.poke();
  await run(1_000);
  expect([look(), fleet.faults.size]).toEqual([[`APPLY ${services}/a`], 0]);
});

test('of two Gateways whose objects have one name, the second waits until the first is gone', async () => {
  const first = { ...gateway('a'), className: 'b' };
  const { fleet, state, api, run, look } = createFleet([first, gateway('a-b')]);
  fleet.lead(true);
  await run(1_000);
  state.gateways = [gateway('a-b'), first];
  fleet.poke();
  await run(60_000);
  expect(new Set(look())).toEqual(new Set([`APPLY ${services}/a-b`]));
  expect(api.objects.get(`${services}/a-b`)).toMatchObject({
    metadata: { ownerReferences: [{ name: 'a' }] },
  });
  expect([...fleet.faults.keys()]).toEqual(['shop/Gateway/a-b']);
  state.gateways = [gateway('a-b')];
  await run(fleetLimits.backoffMaxMs);
  expect(api.objects.get(`${services}/a-b`)).toMatchObject({
    metadata: { ownerReferences: [{ name: 'a-b' }] },
  });
  expect(fleet.faults.size).toBe(0);
});

test('what was deleted or replaced behind its back: made anew, or left to who made it', async () => {
  const { fleet, api, run, look } = createFleet([gateway('a'), gateway('b')]);
  fleet.lead(true);
  await run(1_000);
  look();
  api.objects.delete(`${services}/a`);
  api.objects.set(`${services}/b`, theirs());
  await run(fleetLimits.resyncMs + 1_000);
  expect(api.objects.get(`${services}/b`)).toEqual(theirs());
  expect(api.objects.has(`${services}/a`)).toBe(true);
  expect([...fleet.faults.keys()]).toEqual(['shop/Gateway/b']);
});

test('one that is refused is not tried at every poke, but at once when it is another', async () => {
  const { fleet, state, api, run, look } = createFleet([gateway('bad'), gateway('good')]);
  api.refuse = ({ path }) => (path.includes('/bad') ? { status: 422, message: 'spec: no' } : null);
  fleet.lead(true);
  for (let at = 0; at < 600; at++) {
    fleet.poke();
    await run(100);
  }
  expect(look().length).toBeLessThan(12);
  expect(fleet.faults.get('shop/Gateway/bad')).toEqual({
    reason: 'ObjectRefused',
    message: 'Service bad () was refused: 422 spec: no',
  });
  state.gateways = [gateway('bad', [81]), gateway('good')];
  fleet.poke();
  await run(300);
  expect(look()).toEqual([`APPLY ${services}/bad`]);
});

test('a thousand that are refused put off nobody else’s', async () => {
  const bad = Array.from({ length: 1_000 }, (_, at) => gateway(`bad-${at}`));
  const { fleet, state, api, run, look } = createFleet(bad);
  api.refuse = ({ path }) => (path.includes('/bad') ? { status: 422 } : null);
  fleet.lead(true);
  await run(60_000);
  const tries = look().length;
  // Each some seven times in a minute, and not at every poke.
  expect(tries).toBeLessThan(9_000);
  for (const later of ['good', 'other']) {
    state.gateways = [...bad, gateway(later)];
    fleet.poke();
    await run(500);
    expect(api.objects.has(`${services}/${later}`)).toBe(true);
  }
  expect(fleet.faults.size).toBe(fleetLimits.faultsMax);
  fleet.lead(false);
  expect(fleet.faults.size).toBe(0);
});

test('what passes by itself is no fault', async () => {
  const { fleet, api, run } = createFleet([gateway('a')]);
  for (const status of [409, 429, 500, 503]) {
    api.refuse = () => ({ status });
    fleet.lead(true);
    await run(1_000);
    expect([status, fleet.faults.size]).toEqual([status, 0]);
  }
  expect(fleet.counters.failed).toBeGreaterThan(3);
});
