// One configuration in an Envoy and in our proxy, each on its own ports, over the same origins: what differs is a
// difference between the two.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Envoy, socketAddress, startEnvoy } from '../../testing/envoy.ts';
import { freePorts } from '../../testing/programs.ts';
import { until } from '../../testing/until.ts';
import { bootstrapSnapshot } from './configs.ts';
import type { Origin, Respond } from './peers.ts';
import { RealWorld } from './real.ts';

export type Json = Readonly<Record<string, unknown>>;

const managers = 'envoy.extensions.filters.network.http_connection_manager.v3';

/** An HTTP connection manager filter with a router; `fields` are the manager's. */
export function managerFilter(fields: Json): Json {
  return {
    name: 'manager',
    typed_config: {
      '@type': `type.googleapis.com/${managers}.HttpConnectionManager`,
      stat_prefix: 'edge',
      http_filters: [
        {
          name: 'router',
          typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
        },
      ],
      ...fields,
    },
  };
}

/** A static cluster of one endpoint on this machine. */
export function staticCluster(name: string, port: number, fields: Json = {}): Json {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(port) } }] }],
    },
    ...fields,
  };
}

export interface Places {
  /** To listen on; the same number of them for both. */
  readonly ports: readonly number[];
  /** Where logs of this side go. */
  readonly folder: string;
}

export class EnvoyPair {
  readonly world = new RealWorld();
  readonly own: Places;
  readonly theirs: Places;
  private envoy: Envoy | null = null;
  private readonly root = mkdtempSync(join(tmpdir(), 'weft-beside-'));

  constructor(ports = 1) {
    const places = (name: string): Places => ({
      ports: freePorts(ports),
      folder: mkdtempSync(join(this.root, name)),
    });
    this.own = places('own');
    this.theirs = places('envoy');
  }

  origin(respond?: Respond): Origin {
    return this.world.origin(respond);
  }

  async start(bootstrap: (places: Places) => Json): Promise<void> {
    this.envoy = await startEnvoy(bootstrap(this.theirs));
    this.world.plane.apply(bootstrapSnapshot(bootstrap(this.own)));
  }

  /** Sends bytes to one side, and returns what comes back until the answer's end or the connection's. */
  async exchange(places: Places, bytes: string, port = 0): Promise<string> {
    const client = this.world.connect(places.ports[port]!);
    client.send(bytes);
    await until('an answer', () => client.ended || client.closed !== null || isWhole(client.received));
    const { received } = client;
    client.socket.end();
    return received;
  }

  /** Lines of a log of one side, when there are `count`. */
  async lines(places: Places, name: string, count: number): Promise<readonly string[]> {
    const read = () => {
      try {
        return readFileSync(join(places.folder, name), 'utf8').split('\n').slice(0, -1);
      } catch {
        return [];
      }
    };
    await until(`${count} lines in ${name}`, () => read().length >= count);
    return read();
  }

  /** Envoy's statistics whose names match the regular expression. */
  async envoyStats(filter: string): Promise<Readonly<Record<string, number>>> {
    return (await this.envoy?.stats(filter)) ?? {};
  }

  async stop(): Promise<void> {
    await this.world.stop();
    await this.envoy?.stop();
    rmSync(this.root, { recursive: true, force: true });
  }
}

function isWhole(received: string): boolean {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const head = received.slice(0, end).toLowerCase();
  if (head.includes('transfer-encoding: chunked')) return /\r\n0\r\n(.+\r\n)*\r\n$/.test(received);
  const length = Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0);
  return received.length >= end + 4 + length;
}
