// Where retries go beside Envoy: past canaries, past endpoints of some metadata, past priorities that were met.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { socketAddress } from '../testing/envoy.ts';
import { describeWith } from '../testing/programs.ts';
import { typed } from './testing/beside-envoy.ts';
import { routesOf, type Side, type Sides, sides, startSides } from './testing/side-by-side.ts';

setDefaultTimeout(60_000);

const host = (name: string, type: string, fields: object = {}) => ({
  name,
  typed_config: typed(`envoy.extensions.retry.host.${type}`, fields),
});
const canaries = host('canaries', 'omit_canary_hosts.v3.OmitCanaryHostsPredicate');
const labelled = host('labelled', 'omit_host_metadata.v3.OmitHostMetadataConfig', {
  metadata_match: { filter_metadata: { 'envoy.lb': { stage: 'old' } } },
});
const priorities = (update_frequency: number) => ({
  name: 'priorities',
  typed_config: typed('envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig', {
    update_frequency,
  }),
});

interface Setup {
  readonly policy: object;
  /** Of servers a, b, c: what `envoy.lb` says of each, and its priority. */
  readonly endpoints: readonly (readonly [labels: object, priority: number])[];
}
const setups: Readonly<Record<string, Setup>> = {
  canary: {
    policy: { num_retries: 1, retry_host_predicate: [canaries], host_selection_retry_max_attempts: 100 },
    endpoints: [
      [{}, 0],
      [{}, 0],
      [{ canary: true }, 0],
    ],
  },
  metadata: {
    policy: { num_retries: 1, retry_host_predicate: [labelled], host_selection_retry_max_attempts: 100 },
    endpoints: [
      [{ stage: 'new' }, 0],
      [{ stage: ['older', 'old'] }, 0],
      [{ stage: 'old' }, 0],
    ],
  },
  priorities: {
    policy: { num_retries: 5, retry_priority: priorities(1) },
    endpoints: [
      [{}, 0],
      [{}, 1],
      [{}, 2],
    ],
  },
  'priorities by two': {
    policy: { num_retries: 5, retry_priority: priorities(2) },
    endpoints: [
      [{}, 0],
      [{}, 1],
      [{}, 2],
    ],
  },
};

function createCluster(name: string, { endpoints }: Setup, ports: readonly number[]): object {
  const members = endpoints.map(([labels, priority], at) => ({
    priority,
    lb_endpoints: [
      {
        endpoint: { address: socketAddress(ports[at]!) },
        metadata: { filter_metadata: { 'envoy.lb': labels } },
      },
    ],
  }));
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    lb_policy: 'RANDOM',
    load_assignment: { cluster_name: name, endpoints: members },
  };
}

describeWith(['envoy'], 'where retries go beside Envoy', () => {
  const met: string[] = [];
  const servers = ['a', 'b', 'c'].map((name) =>
    Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: () => {
        met.push(name);
        return new Response('', { status: 503 });
      },
    }),
  );
  let beside: Sides;
  beforeAll(async () => {
    const ports = servers.map(({ port }) => port ?? 0);
    const route = (name: string, policy: object) => ({
      match: { prefix: '/' },
      route: {
        cluster: name,
        retry_policy: { retry_on: '5xx', retry_back_off: { base_interval: '0.001s' }, ...policy },
      },
    });
    const managers = Object.entries(setups).map(([name, { policy }]) => [
      name,
      { route_config: routesOf(route(name, policy)) },
    ]);
    const clusters = Object.entries(setups).map(([name, setup]) => createCluster(name, setup, ports));
    beside = await startSides(Object.fromEntries(managers), clusters);
  });
  afterAll(async () => {
    await beside.stop();
    for (const server of servers) await server.stop(true);
  });

  async function ask(side: Side, name: string): Promise<string> {
    met.length = 0;
    await (await fetch(`http://127.0.0.1:${beside.port(side, name)}/`)).text();
    return met.join('');
  }

  async function askOften(side: Side, name: string): Promise<readonly string[]> {
    const all: string[] = [];
    for (let time = 0; time < 40; time++) all.push(await ask(side, name));
    return all;
  }

  for (const side of sides) {
    test(`${side}: no retry goes to a canary, though first attempts do`, async () => {
      const all = await askOften(side, 'canary');
      expect(new Set(all.map((each) => each[0]))).toEqual(new Set('abc'));
      expect(new Set(all.map((each) => each[1]))).toEqual(new Set('ab'));
    });

    test(`${side}: no retry goes to what metadata leaves out, of a list any value`, async () => {
      const all = await askOften(side, 'metadata');
      const begunElsewhere = all.filter((each) => each[0] !== 'a');
      expect(begunElsewhere.length).toBeGreaterThan(0);
      expect(new Set(begunElsewhere.map((each) => each[1]))).toEqual(new Set('a'));
    });
  }

  for (const [name, expected] of [
    ['priorities', 'abcabc'],
    ['priorities by two', 'aabbcc'],
  ] as const)
    test(`${name}: those that were met are spared until none is left`, async () => {
      for (const side of sides) expect([side, await ask(side, name)]).toEqual([side, expected]);
    });
});
