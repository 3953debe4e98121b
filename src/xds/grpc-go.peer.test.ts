// Clients on grpc-go, incremental and state of the world, with small, usual and large windows: all get their picture,
// none breaks, and a change reaches all. With the runtime's own HTTP/2 four of five never got their endpoints.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLog } from '../base/index.ts';
import { createBunNetwork, createSystemClock, gunzip } from '../net/index.ts';
import { describeWith } from '../testing/programs.ts';
import { Said } from '../testing/said.ts';
import { until } from '../testing/until.ts';
import { AdsServer, createSnapshot, serveGrpcAds } from './index.ts';
import { clusterOf, endpointsOf, listenerOf, routeOf, TestSource } from './testing/resources.ts';

setDefaultTimeout(120_000);

const folder = mkdtempSync(join(tmpdir(), 'weft-grpc-go-'));
const binary = join(folder, 'clients');
const services = 200;
const names = Array.from({ length: services }, (_, i) => `s${i}`);

/** Endpoints of some weight, so that all together are beyond the window that a client starts with. */
function resources(port: number) {
  const rest = [listenerOf('inbound', 'inbound'), listenerOf('outbound', 'outbound')];
  const many = Array.from({ length: 10 }, () => names).flat();
  return [
    ...names.map((name) => clusterOf(name)),
    ...names.map((name) => endpointsOf(name, port)),
    ...rest,
    routeOf('inbound', many.slice(0, 1)),
    routeOf('outbound', many),
  ];
}

describeWith(['go'], 'clients on grpc-go', () => {
  beforeAll(() => {
    const source = fileURLToPath(new URL('../../tools/peers/go-control-plane', import.meta.url));
    const built = Bun.spawnSync(['go', 'build', '-o', binary, './clients'], { cwd: source });
    if (!built.success) throw new Error(built.stderr.toString());
  }, 600_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const windows = [
    ['windows of 64 KiB', []],
    ['small windows', ['-window', '65536', '-gzip']],
    ['large windows', ['-window', '16777216']],
  ] as const;
  const cases = ['delta', 'sotw'].flatMap((variant) => windows.map((one) => [variant, ...one] as const));

  test.each(cases)('%s with %s', async (variant, _name, flags) => {
    const clock = createSystemClock();
    const source = new TestSource();
    source.set(createSnapshot(resources(80)));
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
    const child = Bun.spawn(
      [
        binary,
        ...['-address', `127.0.0.1:${port}`, '-streams', '20', '-connections', '5'],
        ...['-clusters', String(services), ...(variant === 'sotw' ? ['-sotw'] : []), ...flags],
      ],
      { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' },
    );
    const said = new Said(child.stdout);
    try {
      await said.hear(['complete', 'broken'], 20_000);
      child.stdin.write('expect ClusterLoadAssignment\n');
      await child.stdin.flush();
      await said.hear(['expecting']);
      source.set(createSnapshot(resources(81), source.current()));
      await said.hear(['changed', 'broken'], 20_000);
      expect(said.of('broken')).toEqual([]);
      await until('all is acknowledged', () =>
        server.status().every(({ types }) => types.every(({ status }) => status === 'SYNCED')),
      );
      expect([nacks, server.streamCount]).toEqual([[], 20]);
    } finally {
      child.kill('SIGKILL');
      await child.exited;
      await said.whole;
      await listener.close(200);
    }
  });
});
