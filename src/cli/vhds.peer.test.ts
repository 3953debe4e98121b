// Virtual hosts on demand through whole programs: Envoy and Weft's proxy with one and two threads beside each other, of
// one control plane and one bootstrap.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../base/index.ts';
import { type ControlPlane, createControlPlane } from '../control/index.ts';
import { localService } from '../control/testing/manifests.ts';
import { encodeBootstrap } from '../deploy/index.ts';
import { createBunNetwork, createMemoryStore, createSystemClock } from '../net/index.ts';
import { type Envoy, startAdsEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { type GrpcAdsListener, serveGrpcAds } from '../xds/index.ts';

setDefaultTimeout(90_000);

const weft = join(import.meta.dir, '../../bin/weft');

describeWith(['envoy'], 'virtual hosts on demand', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-vhds-'));
  const backend = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: async (request) => new Response(await request.text()),
  });
  const store = createMemoryStore();
  const write = (name: string) =>
    store.write(`dir/${name}.yaml`, new TextEncoder().encode(localService(name, backend.port ?? 0)));
  const metadata = (outbound: number) => ({
    vhds: 'on-demand',
    namespace: 'bank',
    labels: { app: 'caller' },
    listen: { outbound: `127.0.0.1:${outbound}`, inbound: `127.0.0.1:${freePort()}` },
  });
  const children: Bun.Subprocess[] = [];
  const ports: Record<'envoy' | 'weft' | 'threads', number> = {
    envoy: freePort(),
    weft: freePort(),
    threads: freePort(),
  };
  const all = Object.entries(ports);
  let plane: ControlPlane;
  let xds: GrpcAdsListener;
  let envoy: Envoy;
  let admin = 0;

  const ask = async (port: number, host: string, body?: string) => {
    const init = { headers: { host }, ...(body === undefined ? {} : { method: 'POST', body }) };
    const response = await fetch(`http://127.0.0.1:${port}/`, init);
    return body === undefined || response.status !== 200 ? response.status : await response.text();
  };
  const askAll = async (host: string) =>
    Object.fromEntries(
      await Promise.all(all.map(async ([name, port]) => [name, await ask(port, host)] as const)),
    );
  const toAll = (answer: number) => ({ envoy: answer, weft: answer, threads: answer });

  function startWeft(outbound: number, threads: number): void {
    admin = freePort();
    const text = encodeBootstrap({
      role: 'sidecar',
      name: `caller-${outbound}`,
      namespace: 'bank',
      workload: 'caller',
      labels: {},
      admin: { host: '127.0.0.1', port: admin },
      listen: {},
      application: {},
      containerPorts: {},
      identity: null,
      xds: { host: '127.0.0.1', port: xds.address.kind === 'ip' ? xds.address.port : 0 },
    });
    const bootstrap = JSON.parse(text) as { node: { metadata: object } };
    bootstrap.node.metadata = metadata(outbound);
    const path = join(folder, `${outbound}.json`);
    writeFileSync(path, JSON.stringify(bootstrap));
    const command = [weft, 'proxy', '-c', path, '--warm-up', '0', '--concurrency', `${threads}`];
    children.push(Bun.spawn(command, { stdout: 'ignore', stderr: 'ignore' }));
  }

  beforeAll(async () => {
    await write('ledger');
    await write('cards');
    const clock = createSystemClock();
    plane = createControlPlane({ clock, log: silentLog, store, directory: 'dir' });
    xds = serveGrpcAds({
      network: createBunNetwork(),
      clock,
      server: plane.adsServer,
      address: { kind: 'ip', host: '127.0.0.1', port: 0 },
    });
    plane.start();
    startWeft(ports.threads, 2);
    startWeft(ports.weft, 1);
    envoy = await startAdsEnvoy({
      nodeId: 'sidecar~caller-0.bank',
      cluster: 'caller',
      metadata: metadata(ports.envoy),
      xdsPort: xds.address.kind === 'ip' ? xds.address.port : 0,
      apiType: 'DELTA_GRPC',
    });
    // A host that nobody has: they serve, and hold nothing yet.
    await until('all serve', async () => {
      const answers = await Promise.allSettled(all.map(([, port]) => ask(port, 'nobody')));
      return answers.every((answer) => answer.status === 'fulfilled' && answer.value === 404);
    });
  });

  afterAll(async () => {
    for (const child of children) child.kill();
    await Promise.all(children.map(({ exited }) => exited));
    await envoy?.stop();
    plane?.stop();
    await xds?.close(500);
    await backend.stop(true);
    rmSync(folder, { recursive: true });
  });

  test.each(['ledger', 'LEDGER', 'ledger:80', 'ledger.bank', 'ledger.bank.svc.cluster.local'])(
    'the first request of %s is served',
    async (host) => {
      expect(await askAll(host)).toEqual(toAll(200));
    },
  );

  test('what does not exist is 404, again and again', async () => {
    expect(await askAll('nobody')).toEqual(toAll(404));
    expect(await askAll('ledger.elsewhere')).toEqual(toAll(404));
    expect(await askAll('ledger.elsewhere')).toEqual(toAll(404));
  });

  test('many cold requests at once on both threads, with bodies', async () => {
    for (const port of [ports.weft, ports.threads]) {
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, at) => ask(port, 'cards', `body ${at}`)),
      );
      expect(answers).toEqual(Array.from({ length: 40 }, (_, at) => `body ${at}`));
    }
  });

  test('a Service that comes is there where its name was asked for, and gone when it goes', async () => {
    expect(await askAll('later')).toEqual(toAll(404));
    await write('later');
    await until('it is there', async () => Bun.deepEquals(await askAll('later'), toAll(200)));
    await store.remove('dir/later.yaml');
    await until('it is gone', async () => Bun.deepEquals(await askAll('later'), toAll(404)));
    expect(await askAll('ledger')).toEqual(toAll(200));
  });

  test('nothing was refused', async () => {
    const rejected = await envoy.stats('update_rejected');
    expect(Object.entries(rejected).filter(([, value]) => value > 0)).toEqual([]);
    expect(await (await fetch(`http://127.0.0.1:${admin}/stats?filter=update_rejected`)).text()).not.toMatch(
      /: [1-9]/,
    );
  });

  test('without the control plane what is held serves, and what is not is 503 in bounded time', async () => {
    plane.stop();
    await xds.close(0);
    const began = performance.now();
    expect(await askAll('ledger')).toEqual(toAll(200));
    const unheard = [ports.weft, ports.threads].map((port) => ask(port, 'unheard'));
    expect(await Promise.all(unheard)).toEqual([503, 503]);
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});
