// A server that misbehaves in every way a server can, behind Weft and behind Envoy: what the caller gets, what other
// streams of the connection get, what the server hears; and nothing is left of it.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { socketAddress } from '../testing/envoy.ts';
import { describeWith } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { http2Event } from '../wire/http2/index.ts';
import { http2Rows } from './admin/metrics/http2-rows.ts';
import { BadHttp2Server } from './testing/bad-http2-server.ts';
import { EnvoyPair, type Json, managerFilter, type Places, staticCluster } from './testing/envoy-pair.ts';
import { envoyDiffers, misbehaviours, type Outcome } from './testing/misbehaviours.ts';
import { expectBooksBalance } from './testing/world.ts';

setDefaultTimeout(30_000);

const httpOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

function bootstrap(places: Places, port: number): Json {
  const virtual_hosts = [
    {
      name: 'all',
      domains: ['*'],
      routes: [{ match: { prefix: '/' }, route: { cluster: 'bad', timeout: '5s' } }],
    },
  ];
  const manager = managerFilter({ route_config: { name: 'r', virtual_hosts } });
  const listener = {
    name: 'in',
    address: socketAddress(places.ports[0]!),
    filter_chains: [{ filters: [manager] }],
  };
  const cluster = staticCluster('bad', port, {
    typed_extension_protocol_options: {
      [httpOptions]: {
        '@type': `type.googleapis.com/${httpOptions}`,
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  });
  return { static_resources: { listeners: [listener], clusters: [cluster] } };
}

describeWith(['envoy'], 'a server that misbehaves', () => {
  const server = new BadHttp2Server();
  const pair = new EnvoyPair();

  beforeAll(async () => {
    await server.listen();
    await pair.start((places) => bootstrap(places, server.port));
  });
  afterAll(async () => {
    await pair.stop();
    server.stop();
  });

  /** A POST, which nobody repeats because its connection ended. */
  async function call(places: Places): Promise<string> {
    const url = `http://127.0.0.1:${places.ports[0]}/`;
    try {
      const answer = await fetch(url, { method: 'POST', body: 'x', signal: AbortSignal.timeout(4000) });
      const body = await answer.text();
      return answer.status === 200 ? `200 ${body}` : `${answer.status}`;
    } catch (error) {
      return (error as Error).name === 'TimeoutError' ? 'nothing' : 'cut';
    }
  }

  async function play(places: Places, says: string | null): Promise<Outcome> {
    const held = call(places);
    await until('the first stream', () => server.streams.length > 0);
    const client = await call(places);
    server.release();
    const outcome = { client, held: await held, says: '' };
    const heard = () => [...new Set(server.heard)].join(', ');
    // What is said is said when the answers are there, or behind them; that nothing more comes only time can tell.
    await Bun.sleep(20);
    if (says !== null) await until('what is said', () => heard() === says, 5_000).catch(() => {});
    return { ...outcome, says: heard() };
  }

  const envoyOutcomes = new Map(
    [...envoyDiffers].flatMap(([outcome, names]) => names.map((name) => [name, outcome] as const)),
  );
  const outcomeOf = ({ client, held }: Outcome): string => `${client}, ${held}`;

  for (const one of misbehaviours) {
    test(one.name, async () => {
      server.begin(one);
      const own = await play(pair.own, one.outcome.says);
      server.begin(one);
      const theirs = await play(pair.theirs, null);
      expect(own).toEqual(one.outcome);
      expect(outcomeOf(theirs)).toBe(envoyOutcomes.get(one.name) ?? outcomeOf(one.outcome));
    });
  }

  test('nothing is left of it', async () => {
    const usedBytes = (): number => {
      Bun.gc(true);
      return process.memoryUsage().heapUsed;
    };
    const playAll = async (): Promise<void> => {
      for (const one of misbehaviours) {
        server.begin(one);
        await play(pair.own, null);
      }
      server.begin(misbehaviours[0]!);
    };
    await playAll();
    const before = usedBytes();
    await playAll();
    await until('all connections are gone', () => connectionsOf(pair) === 0);
    expect(usedBytes() - before).toBeLessThan(4 * 1024 * 1024);
    const { http2Faults } = pair.world.plane.clusters.get('bad')!.stats;
    expect([http2Faults[http2Event.streamsActive], http2Faults[http2Event.pendingBytes]]).toEqual([0, 0]);
    expectBooksBalance(pair.world.plane);
  });

  test('what is counted has Envoy’s names', async () => {
    const names = Object.keys(await pair.envoyStats('^cluster\\.bad\\.http2\\.'));
    const theirs = names.map((name) => name.replace('cluster.bad.http2.', ''));
    expect(http2Rows.map(({ name }) => name).filter((name) => !theirs.includes(name))).toEqual([]);
  });
});

function connectionsOf(pair: EnvoyPair): number {
  return pair.world.plane.clusters.get('bad')!.stats.connectionsActive;
}
