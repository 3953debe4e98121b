// A proxyless client on gRPC's C core, by Python's grpcio: its target's name is its listener, and routes, cluster and
// endpoints lead it to the Service. It reports how its calls went (LRS) to where all that came from.

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { silentLog } from '../base/index.ts';
import { createBunNetwork, createMemoryStore, createSystemClock } from '../net/index.ts';
import { describeWith } from '../testing/programs.ts';
import { Said } from '../testing/said.ts';
import { until } from '../testing/until.ts';
import { LoadReports, serveGrpcAds } from '../xds/index.ts';
import { createControlPlane } from './control-plane.ts';
import { localService } from './testing/manifests.ts';

setDefaultTimeout(60_000);

const script = fileURLToPath(new URL('../../tools/peers/grpc-xds-client.py', import.meta.url));

/** Health checks: of `bad` nothing is known, everything else serves. */
async function startService(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = new Server();
  const bytes = (value: Buffer) => value;
  const check = {
    ...{ path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false },
    ...{ requestSerialize: bytes, requestDeserialize: bytes },
    ...{ responseSerialize: bytes, responseDeserialize: bytes },
  };
  server.addService(
    { check },
    {
      check(call: { request: Buffer }, answer: (error: object | null, value?: Buffer) => void) {
        if (call.request.includes('bad')) answer({ code: status.NOT_FOUND, details: 'unknown' });
        else answer(null, Buffer.from([0x08, 0x01]));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return { server, port };
}

const hasGrpc = Bun.which('python3') !== null && Bun.spawnSync(['python3', '-c', 'import grpc']).success;

describeWith(
  hasGrpc ? ['python3'] : ['python3', 'grpcio of Python'],
  'a proxyless client on the C core',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-grpc-xds-'));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    test('finds a Service by any of its names, sees it move, and reports its calls', async () => {
      const [one, two] = [await startService(), await startService()];
      const store = createMemoryStore();
      const write = (port: number) =>
        store.write('dir/ledger.yaml', new TextEncoder().encode(localService('ledger', port)));
      await write(one.port);
      const clock = createSystemClock();
      const plane = createControlPlane({ clock, log: silentLog, store, directory: 'dir' });
      const loads = new LoadReports({ knows: () => true, hasEndpoints: () => true, intervalMs: 200 });
      const listener = serveGrpcAds({
        ...{ network: createBunNetwork(), clock, server: plane.adsServer, loads },
        address: { kind: 'ip', host: '127.0.0.1', port: 0 },
      });
      const xdsPort = listener.address.kind === 'ip' ? listener.address.port : 0;
      plane.start();
      const bootstrap = join(folder, 'bootstrap.json');
      writeFileSync(
        bootstrap,
        JSON.stringify({
          xds_servers: [{ server_uri: `127.0.0.1:${xdsPort}`, channel_creds: [{ type: 'insecure' }] }],
          node: { id: 'grpc~client-0.bank' },
        }),
      );
      const client = Bun.spawn(
        ['python3', script, 'xds:///ledger.bank.svc.cluster.local:80', 'xds:///ledger'],
        {
          env: { ...process.env, GRPC_XDS_BOOTSTRAP: bootstrap },
          stdin: 'pipe',
          stdout: 'pipe',
          stderr: 'inherit',
        },
      );
      const said = new Said(client.stdout);
      const call = async (name: string) => {
        const before = said.of('called').length;
        client.stdin.write(`${name}\n`);
        await client.stdin.flush();
        await until(`an answer to ${name}`, () => said.of('called').length === before + 2);
        return said.of('called').slice(before);
      };
      try {
        expect(await call('good')).toEqual(['OK', 'OK']);
        expect(await call('bad')).toEqual(['NOT_FOUND unknown', 'NOT_FOUND unknown']);
        await write(two.port);
        one.server.forceShutdown();
        await until('it follows', async () => (await call('good')).every((outcome) => outcome === 'OK'));
        const outcomes = said.of('called');
        const succeeded = outcomes.filter((outcome) => outcome === 'OK').length;
        const reported = () => loads.list().flatMap(({ localities }) => [...localities.values()])[0];
        // The library reports for each target by itself.
        await until('its reports', () => reported()?.succeeded === succeeded);
        expect(loads.list()).toMatchObject([{ cluster: 'bank/ledger:80', dropped: 0 }]);
        expect(loads.byNode().has('grpc~client-0.bank')).toBe(true);
        expect(
          plane.adsServer.status().flatMap(({ types }) => types.map((type) => type.status)),
        ).not.toContain('NACK');
      } finally {
        client.kill('SIGKILL');
        await client.exited;
        await said.whole;
        for (const { server } of [one, two]) server.forceShutdown();
        plane.stop();
        await listener.close(200);
      }
    });
  },
);
