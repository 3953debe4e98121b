// The bank's own manifests, from the command line to real Envoys: every role takes them by delta ADS without a refusal.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { MeshView } from '../control/index.ts';
import { type Envoy, startAdsEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';

// Other processes are waited for; on a busy machine that takes its time.
setDefaultTimeout(60_000);

const root = join(import.meta.dir, '../..');

describeWith(['envoy'], 'weft control and Envoy', () => {
  let xdsPort = 0;
  let adminPort = 0;
  let control: Bun.Subprocess;
  const envoys: Envoy[] = [];
  const mesh = async () =>
    (await (await fetch(`http://127.0.0.1:${adminPort}/api/v1/mesh`)).json()) as MeshView;

  beforeAll(async () => {
    [xdsPort, adminPort] = [freePort(), freePort()];
    const addresses = ['--xds', `127.0.0.1:${xdsPort}`, '--admin', `127.0.0.1:${adminPort}`];
    const command = [
      join(root, 'bin/weft'),
      'control',
      '--dir',
      join(root, 'examples/bank/manifests'),
      ...addresses,
    ];
    control = Bun.spawn(command, { stdout: 'ignore', stderr: 'ignore' });
    await until('ready', async () => (await fetch(`http://127.0.0.1:${adminPort}/ready`)).ok);
    const [a, b, c, d] = [freePort(), freePort(), freePort(), freePort()];
    const facts = [
      {
        nodeId: 'sidecar~ledger-0.bank',
        cluster: 'ledger',
        metadata: {
          labels: { app: 'ledger' },
          listen: { outbound: `127.0.0.1:${a}`, inbound: `127.0.0.1:${b}` },
          application: { http: 1 },
        },
      },
      {
        nodeId: 'agent~node-1',
        cluster: 'node-1',
        metadata: { namespace: 'bank', listen: { agent: `127.0.0.1:${c}` } },
      },
      { nodeId: 'gateway~edge-0.bank', cluster: 'edge', metadata: { listen: { gateway: `127.0.0.1:${d}` } } },
    ];
    for (const one of facts) envoys.push(await startAdsEnvoy({ ...one, xdsPort, apiType: 'DELTA_GRPC' }));
    await until('every Envoy has all', async () => {
      const { proxies } = await mesh();
      return proxies.length === 3 && proxies.every((proxy) => isComplete(proxy));
    });
  });

  afterAll(async () => {
    for (const envoy of envoys) await envoy.stop();
    control?.kill('SIGKILL');
  });

  function isComplete(proxy: MeshView['proxies'][number]): boolean {
    return proxy.types.length === 4 && proxy.types.every((type) => type.status === 'SYNCED');
  }

  test('the manifests are without fault, and no Envoy refused anything', async () => {
    const { findings, proxies, services } = await mesh();
    expect(findings).toEqual([]);
    expect(services.length).toBeGreaterThanOrEqual(14);
    expect(proxies.flatMap((proxy) => [...proxy.nacks.map((nack) => nack.message), ...proxy.notes])).toEqual(
      [],
    );
    for (const envoy of envoys) {
      const stats = await envoy.stats('update_(rejected|success)$');
      const rejected = Object.entries(stats).filter(
        ([name, value]) => name.endsWith('rejected') && value > 0,
      );
      expect(rejected).toEqual([]);
      expect(
        Object.entries(stats).some(([name, value]) => name.includes('cds.update_success') && value > 0),
      ).toBe(true);
    }
  });

  test('it ends with 0 when it is asked to', async () => {
    control.kill('SIGTERM');
    expect(await control.exited).toBe(0);
  });
});
