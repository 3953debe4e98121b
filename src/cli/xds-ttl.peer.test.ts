// Times to live through whole programs: what a real Envoy and Weft's proxy were sent is kept while the control plane
// lives, is gone some time after it fell silent, and comes back with it.

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localService } from '../control/testing/manifests.ts';
import { encodeBootstrap } from '../deploy/index.ts';
import { startAdsEnvoy } from '../testing/envoy.ts';
import { describeWith, freePorts } from '../testing/programs.ts';
import { until } from '../testing/until.ts';

setDefaultTimeout(60_000);

const weft = join(import.meta.dir, '../../bin/weft');
const ttlMs = 1_000;

describeWith(['envoy'], 'times to live', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-ttl-'));
  const children: Bun.Subprocess[] = [];
  const backend = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('here') });

  function start(command: readonly string[]): Bun.Subprocess {
    const child = Bun.spawn([...command], { stdout: 'ignore', stderr: 'ignore' });
    children.push(child);
    return child;
  }

  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await backend.stop(true);
    rmSync(folder, { recursive: true });
  });

  test('listeners end with a control plane that fell silent, and no sooner', async () => {
    const [xds = 0, control = 0, admin = 0, a = 0, b = 0, spare = 0, other = 0] = freePorts(7);
    writeFileSync(join(folder, 'ledger.yaml'), localService('ledger', backend.port ?? 0));
    const addresses = ['--xds', `127.0.0.1:${xds}`, '--admin', `127.0.0.1:${control}`];
    const plane = start([
      weft,
      'control',
      '--dir',
      folder,
      ...addresses,
      '--xds-ttl',
      `listeners=${ttlMs}ms`,
    ]);
    const path = join(folder, 'proxy.json');
    const listen = { outbound: `127.0.0.1:${b}`, inbound: `127.0.0.1:${other}` };
    writeFileSync(
      path,
      encodeBootstrap({
        ...{ role: 'sidecar', name: 'caller-0', namespace: 'bank', workload: 'caller', labels: {} },
        ...{ admin: { host: '127.0.0.1', port: admin }, listen, application: {}, containerPorts: {} },
        ...{ identity: null, xds: { host: '127.0.0.1', port: xds } },
      }),
    );
    start([weft, 'proxy', '-c', path, '--warm-up', '0']);
    const envoy = await startAdsEnvoy({
      nodeId: 'sidecar~envoy-0.bank',
      cluster: 'envoy',
      metadata: { listen: { outbound: `127.0.0.1:${a}`, inbound: `127.0.0.1:${spare}` } },
      xdsPort: xds,
      apiType: 'DELTA_GRPC',
      clientFeatures: ['xds.config.supports-resource-ttl'],
    });
    const headers = { host: 'ledger', connection: 'close' };
    /** 0: nobody listens. */
    const statusAt = (port: number) =>
      fetch(`http://127.0.0.1:${port}/`, { headers }).then(
        ({ status }) => status,
        () => 0,
      );
    const statuses = () => Promise.all([a, b].map(statusAt));
    const areAll = async (status: number) => (await statuses()).every((one) => one === status);
    const removed = async () => (await envoy.stats('listener_removed'))['listener_manager.listener_removed'];
    try {
      await until('both serve', () => areAll(200));
      await Bun.sleep(ttlMs * 1.4);
      expect([await statuses(), await removed()]).toEqual([[200, 200], 0]);
      plane.kill('SIGSTOP');
      await until('both lost it', () => areAll(0));
      plane.kill('SIGCONT');
      await until('it is back', () => areAll(200));
      const rejected = await envoy.stats('update_rejected');
      expect(Object.entries(rejected).filter(([, value]) => value > 0)).toEqual([]);
    } finally {
      await envoy.stop();
    }
  });
});
