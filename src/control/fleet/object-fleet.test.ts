// The leader's loop over an API server that only counts, in virtual time. That the objects run a Gateway is shown on a
// real one (status.peer.test.ts, docs/conformance).

import { expect, test } from 'bun:test';
import { ok, silentLog, VirtualClock, Xoshiro128 } from '../../base/index.ts';
import type { KubeApi, KubeRequest } from '../kubernetes/types.ts';
import { settle } from '../testing/world.ts';
import { fleetLimits } from './limits.ts';
import type { FleetGateway } from './list-gateways.ts';
import { type AdoptedObject, ObjectFleet } from './object-fleet.ts';

const gateway = (name: string, ports: readonly number[] = [80]): FleetGateway => ({
  namespace: 'shop',
  name,
  uid: `uid-${name}`,
  className: 'weft',
  ports,
  addresses: [],
  labels: {},
  annotations: {},
});

function createFleet(gateways: FleetGateway[] | null, made: readonly AdoptedObject<FleetGateway>[] = []) {
  const clock = new VirtualClock();
  const asked: KubeRequest[] = [];
  const state = {
    gateways,
    status: 200,
    answer: Promise.resolve(),
    fault: '',
    released: true,
    adopted: true,
  };
  const api: KubeApi = {
    request: async (request) => {
      asked.push(request);
      await state.answer;
      return ok({ status: state.status, body: { metadata: { uid: 'object-1' } }, retryAfterMs: 0 });
    },
    watch: () => () => {},
  };
  const fleet = new ObjectFleet<FleetGateway>({
    api,
    clock,
    random: new Xoshiro128(1),
    log: silentLog,
    list: () => {
      if (state.fault !== '') throw new Error(state.fault);
      return state.gateways;
    },
    isReleased: () => state.released,
    adopt: async () => (state.adopted ? made : null),
    render: ({ namespace, name: gateway, className, ports }) => {
      const name = className === 'weft' ? gateway : `${gateway}-${className}`;
      const object = { metadata: { namespace, name }, spec: { ports } };
      return [{ root: '/api/v1', plural: 'services', object }];
    },
  });
  const run = async (ms: number) => {
    for (let at = 0; at < ms; at += 100) {
      clock.advanceBy(100);
      await settle();
    }
  };
  /** What was asked since the last look. */
  const look = () => asked.splice(0).map(({ method, path }) => `${method} ${path.split('?')[0]}`);
  return { fleet, state, asked, run, look };
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
  const { fleet, state, asked, run, look } = createFleet([gateway('a')]);
  fleet.lead(true);
  await run(1_000);
  look();
  state.gateways = [];
  state.status = 409;
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
  const { fleet, asked, run, look, state } = createFleet([gateway('a')], [made('a'), made('gone')]);
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
  const { fleet, state, run, look } = createFleet([gateway('a')]);
  state.status = 403;
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
  const { fleet, state, run, look } = createFleet([gateway('a')]);
  const { promise, resolve } = Promise.withResolvers<void>();
  state.answer = promise;
  fleet.lead(true);
  await run(1_000);
  expect(look()).toEqual([`APPLY ${services}/a`]);
  state.gateways = [gateway('a'), gateway('b')];
  fleet.poke();
  resolve();
  await run(1_000);
  expect(look()).toEqual([`APPLY ${services}/b`]);
});

test('a follower that leads again while its last round runs begins anew', async () => {
  const { fleet, state, run, look } = createFleet([gateway('a')]);
  const { promise, resolve } = Promise.withResolvers<void>();
  state.answer = promise;
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
