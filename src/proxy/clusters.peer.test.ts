// What a cluster says of its connections, beside Envoy: the same requests, what was answered, and how many connections
// that took.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { createServer, type Server, type Socket } from 'node:net';
import { socketAddress } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { BesideEnvoy, type Case } from './testing/beside-envoy.ts';

setDefaultTimeout(60_000);

const closed = freePort();
const clients = 4;
const asks = Array.from({ length: clients }, () => ({}));

interface ClusterCase {
  readonly name: string;
  readonly fields: object;
  /** Of its one endpoint. */
  readonly endpoint?: (port: number) => object;
}

const reserved = { socket_address: { address: '127.0.0.9', port_value: closed } };
const cases: readonly ClusterCase[] = [
  { name: 'nothing said', fields: {} },
  {
    name: 'a further address, where the first is refused',
    fields: {},
    endpoint: (port) => ({ address: reserved, additional_addresses: [{ address: socketAddress(port) }] }),
  },
  {
    name: 'a further address that nobody needs',
    fields: {
      upstream_connection_options: {
        happy_eyeballs_config: { first_address_family_version: 'V4', first_address_family_count: 2 },
      },
    },
    endpoint: (port) => ({
      address: socketAddress(port),
      additional_addresses: [{ address: reserved }],
    }),
  },
  {
    name: 'all addresses refused',
    fields: {},
    endpoint: () => ({ address: reserved, additional_addresses: [{ address: reserved }] }),
  },
  { name: 'preconnect: 1.5', fields: { preconnect_policy: { per_upstream_preconnect_ratio: 1.5 } } },
  { name: 'preconnect: 3', fields: { preconnect_policy: { per_upstream_preconnect_ratio: 3 } } },
  {
    name: 'preconnect within the limit of connections',
    fields: {
      preconnect_policy: { per_upstream_preconnect_ratio: 3 },
      circuit_breakers: { thresholds: [{ max_connections: 5 }] },
    },
  },
  {
    name: 'connections of each client alone',
    fields: { connection_pool_per_downstream_connection: true },
  },
];

const counters = /^envoy_cluster_upstream_(cx_total|cx_connect_fail|cx_overflow)\{/;
/** Envoy counts each address that is tried as a connection; here what came of them is one. */
const uncounted = /refused/;

/** Answers requests in order, one at a time, when it is told to; until then they run. */
class Backend {
  readonly server: Server;
  private readonly waiting: Socket[] = [];

  constructor() {
    this.server = createServer((socket) => {
      socket.on('data', (bytes) => {
        if (bytes.includes('\r\n\r\n')) this.waiting.push(socket);
      });
      socket.on('error', () => {});
    });
  }

  listen(): Promise<number> {
    return new Promise((resolve) =>
      this.server.listen(0, '127.0.0.1', () => resolve((this.server.address() as { port: number }).port)),
    );
  }

  get running(): number {
    return this.waiting.length;
  }

  answerAll(): void {
    for (const socket of this.waiting.splice(0))
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
  }
}

describeWith(['envoy'], 'connections of a cluster', () => {
  const backend = new Backend();
  let backendPort = 0;
  const beside = new BesideEnvoy({
    cases: cases.map(
      ({ name }, at): Case => ({
        name,
        asks,
        routes: [{ match: { prefix: '/' }, route: { cluster: `c${at}`, timeout: '5s' } }],
      }),
    ),
    clusters: () =>
      cases.map(({ fields, endpoint }, at) => ({
        name: `c${at}`,
        type: 'STATIC',
        connect_timeout: '1s',
        load_assignment: {
          cluster_name: `c${at}`,
          endpoints: [
            {
              lb_endpoints: [
                { endpoint: endpoint?.(backendPort) ?? { address: socketAddress(backendPort) } },
              ],
            },
          ],
        },
        ...fields,
      })),
  });
  beforeAll(async () => {
    backendPort = await backend.listen();
    await beside.start();
  });
  afterAll(async () => {
    await beside.stop();
    backend.server.close();
  });

  /** Requests that run at once, then as many again over the same connections. */
  async function play(port: number, fails: boolean): Promise<readonly number[]> {
    const statuses: number[] = [];
    for (let round = 0; round < 2; round++) {
      const calls: Promise<Response>[] = [];
      for (let client = 0; client < clients; client++) {
        calls.push(fetch(`http://127.0.0.1:${port}/`));
        if (!fails) await until('it runs', async () => backend.running === client + 1);
      }
      backend.answerAll();
      for (const call of calls) {
        const response = await call;
        await response.text();
        statuses.push(response.status);
      }
    }
    return statuses;
  }

  for (const [index, { name }] of cases.entries())
    test(name, async () => {
      const fails = name.startsWith('all');
      const envoy = await play(beside.envoyPort(index), fails);
      const weft = await play(beside.weftPort(index), fails);
      expect(weft).toEqual(envoy);
      let seen: { readonly envoy: readonly string[]; readonly weft: readonly string[] } = {
        envoy: [],
        weft: [],
      };
      // What is opened ahead may still be on its way.
      await until(
        'as many connections',
        async () => {
          const counted = await beside.stats(counters);
          const of = (side: readonly string[]) => side.filter((line) => line.includes(`"c${index}"`));
          seen = { envoy: of(counted.envoy), weft: of(counted.weft) };
          return uncounted.test(name) || Bun.deepEquals(seen.envoy, seen.weft);
        },
        5_000,
      ).catch(() => expect(seen.weft).toEqual(seen.envoy));
    });
});
