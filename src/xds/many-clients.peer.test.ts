// A thousand streams at once, each asking for a mesh of a thousand Services with ten endpoints: all get their picture,
// none breaks, a change reaches all, and the server's memory stays in bounds. grpc-go with its usual, small and large
// windows in full; grpc-js on Node, grpc-java and Envoy with fewer, and with as many as WEFT_CLIENT_STREAMS and
// WEFT_CLIENT_ENVOYS say (docs/HACKING.md).

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../base/index.ts';
import { createBunNetwork, createSystemClock, gunzip } from '../net/index.ts';
import { startAdsEnvoy } from '../testing/envoy.ts';
import { describeWith } from '../testing/programs.ts';
import { Said } from '../testing/said.ts';
import { until } from '../testing/until.ts';
import { AdsServer, createSnapshot, serveGrpcAds } from './index.ts';
import { clusterOf, endpointsOf, listenerOf, routeOf, TestSource } from './testing/resources.ts';

setDefaultTimeout(300_000);

const folder = mkdtempSync(join(tmpdir(), 'weft-many-clients-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const peers = join(import.meta.dir, '../../tools/peers');
const services = 1_000;
const names = Array.from({ length: services }, (_, i) => `bank/service-${i}:80`);
/** How long a busy machine may take over a thousand pictures of a thousand Services. */
const patienceMs = 120_000;
const growthBytesMax = 700_000_000;

/** The full form takes memory and minutes that CI has not. */
function countOf(variable: string, usual: number): number {
  return Number(process.env[variable] ?? usual);
}

const streamsOfJs = countOf('WEFT_CLIENT_STREAMS', 50);
const streamsOfJava = countOf('WEFT_CLIENT_STREAMS', 100);
const envoyCount = countOf('WEFT_CLIENT_ENVOYS', 4);
/** Each stream keeps its own names of everything. */
const javaHeapMb = 256 + 3 * streamsOfJava;

/** `salt` tells the endpoints of the first Service apart. */
function picture(salt: number, before: ReturnType<typeof createSnapshot> | null = null) {
  const resources = [
    ...names.map((name) => clusterOf(name)),
    ...names.map((name, index) => endpointsOf(name, index === 0 ? 8080 + salt : 8080, 10)),
    listenerOf('outbound', 'outbound'),
    routeOf('outbound', names),
  ];
  return createSnapshot(resources, before);
}

const first = picture(0);

function serve() {
  const clock = createSystemClock();
  const source = new TestSource();
  source.set(first);
  const nacks: string[] = [];
  const server = new AdsServer({
    clock,
    log: silentLog,
    snapshotFor: () => source,
    observer: {
      onStream() {},
      onNack: ({ message }) => nacks.push(message),
      onRefused() {},
      onResolved() {},
      onAck() {},
    },
  });
  const address = { kind: 'ip', host: '127.0.0.1', port: 0 } as const;
  const listener = serveGrpcAds({ server, network: createBunNetwork(), clock, gunzip, address });
  const port = listener.address.kind === 'ip' ? listener.address.port : 0;
  return { source, server, nacks, listener, port };
}

async function play(
  command: readonly string[],
  streams: number,
  flags: readonly string[] = [],
): Promise<void> {
  const { source, server, nacks, listener, port } = serve();
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  let most = before;
  const watching = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 50);
  const child = Bun.spawn(
    [
      ...command,
      ...['-address', `127.0.0.1:${port}`, '-streams', `${streams}`, '-clusters', `${services}`],
      ...['-connections', `${Math.ceil(streams / 10)}`, ...flags],
    ],
    { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' },
  );
  const said = new Said(child.stdout);
  try {
    await said.hear(['complete', 'broken'], patienceMs);
    expect(said.of('broken')).toEqual([]);
    child.stdin.write('expect ClusterLoadAssignment\n');
    await child.stdin.flush();
    await said.hear(['expecting']);
    source.set(picture(1, first));
    await said.hear(['changed', 'broken'], patienceMs);
    await until(
      'all is acknowledged',
      () => server.status().every(({ types }) => types.every(({ status }) => status === 'SYNCED')),
      patienceMs,
    );
    expect([said.of('broken'), nacks]).toEqual([[], []]);
    expect(server.streamCount).toBe(streams);
    expect(most - before).toBeLessThan(growthBytesMax);
  } finally {
    clearInterval(watching);
    child.kill('SIGKILL');
    await child.exited;
    await said.whole;
    await listener.close(500);
  }
}

describeWith(['go'], 'a thousand streams of grpc-go', () => {
  const binary = join(folder, 'clients');
  beforeAll(() => {
    const cwd = join(peers, 'go-control-plane');
    const built = Bun.spawnSync(['go', 'build', '-o', binary, './clients'], { cwd });
    if (!built.success) throw new Error(built.stderr.toString());
  }, 600_000);

  test.each([
    ['windows of 64 KiB', []],
    ['small windows', ['-window', '65536', '-gzip']],
    ['large windows', ['-window', '16777216']],
  ])('%s', async (_name, flags) => {
    await play([binary], 1_000, flags);
  });
});

describeWith(['node'], 'grpc-js on Node', () => {
  test(`${streamsOfJs} streams`, async () => {
    await play(['node', join(peers, 'grpc-js-clients.mjs')], streamsOfJs);
  });
});

describeWith(['java', 'javac', 'mvn'], 'grpc-java', () => {
  const [jars, classes] = [join(folder, 'jars'), join(folder, 'classes')];
  beforeAll(() => {
    const cwd = join(peers, 'grpc-java');
    const steps = [
      ['mvn', '-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`],
      ['javac', '-cp', `${jars}/*`, '-d', classes, 'Clients.java'],
    ];
    for (const step of steps) {
      const done = Bun.spawnSync(step, { cwd });
      if (!done.success) throw new Error(`${done.stdout}${done.stderr}`);
    }
    expect(existsSync(join(classes, 'Clients.class'))).toBe(true);
  }, 600_000);

  test.each([
    ['its usual windows', []],
    ['small windows', ['-window', '65536']],
  ])(`${streamsOfJava} streams with %s`, async (_name, flags) => {
    const java = ['java', `-Xmx${javaHeapMb}m`, '-cp', `${jars}/*:${classes}`, 'Clients'];
    await play(java, streamsOfJava, flags);
  });
});

describeWith(['envoy'], 'Envoy', () => {
  describe.each(['DELTA_GRPC', 'GRPC'] as const)('%s', (apiType) => {
    test(`${envoyCount} at once`, async () => {
      const { source, server, nacks, listener, port } = serve();
      const envoys = await Promise.all(
        Array.from({ length: envoyCount }, (_, index) => {
          const nodeId = `sidecar~envoy-${index}.bank`;
          return startAdsEnvoy({ nodeId, cluster: 'bank', metadata: {}, xdsPort: port, apiType });
        }),
      );
      const read = (filter: string) =>
        Promise.all(
          envoys.map(async (envoy) => Object.values(await envoy.stats(filter)).reduce((a, b) => a + b, 0)),
        );
      try {
        // Warm only with their endpoints, and with all the ten.
        await until(
          'all have everything',
          async () =>
            (await read('cluster_manager.active_clusters$')).every((count) => count === services + 1),
          patienceMs,
        );
        await until(
          'and all endpoints',
          async () =>
            (await read('^cluster.bank/service.*membership_total$')).every((sum) => sum === services * 10),
          patienceMs,
        );
        const updates = await read('^cluster.bank/service-0_80.update_success$');
        source.set(picture(1, first));
        await until(
          'the change',
          async () =>
            (await read('^cluster.bank/service-0_80.update_success$')).every((n, i) => n > updates[i]!),
          patienceMs,
        );
        expect([nacks, server.streamCount]).toEqual([[], envoyCount]);
      } finally {
        for (const envoy of envoys) await envoy.stop();
        await listener.close(500);
      }
    });
  });
});
