// A client on gRPC's C core, by Python's grpcio: large responses one after the other through its windows, compressed
// requests, each call's status.

import { expect, setDefaultTimeout, test } from 'bun:test';
import { fileURLToPath } from 'node:url';
import { silentLog } from '../base/index.ts';
import { createBunNetwork, createSystemClock, gunzip } from '../net/index.ts';
import { describeWith } from '../testing/programs.ts';
import { encodeDeltaRequest } from './discovery/encode.ts';
import type { DeltaRequest } from './discovery/messages.ts';
import { AdsServer, createSnapshot, serveGrpcAds, typeUrls } from './index.ts';
import { clusterOf, endpointsOf, TestSource, testNode } from './testing/resources.ts';
import { adsPaths } from './transport/grpc-protocol.ts';

setDefaultTimeout(60_000);

const script = fileURLToPath(new URL('../../tools/peers/grpc-client.py', import.meta.url));
const names = Array.from({ length: 2_000 }, (_, i) => `service-with-a-longer-name-${i}`);

function request(typeUrl: string, more: Partial<DeltaRequest>): string {
  const bytes = encodeDeltaRequest({
    typeUrl,
    nonce: '',
    subscribe: [],
    unsubscribe: [],
    initialVersions: new Map(),
    node: null,
    error: null,
    ...more,
  });
  return Buffer.from(bytes).toString('hex');
}

async function run(path: string, requests: readonly string[]): Promise<string[]> {
  const clock = createSystemClock();
  const source = new TestSource();
  source.set(
    createSnapshot([...names.map((name) => clusterOf(name)), ...names.map((name) => endpointsOf(name))]),
  );
  const server = new AdsServer({ clock, log: silentLog, snapshotFor: () => source });
  const address = { kind: 'ip', host: '127.0.0.1', port: 0 } as const;
  const listener = serveGrpcAds({ server, network: createBunNetwork(), clock, gunzip, address });
  const port = listener.address.kind === 'ip' ? listener.address.port : 0;
  const child = Bun.spawn(['python3', script, `127.0.0.1:${port}`, path, ...requests], {
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const text = await new Response(child.stdout).text();
  await child.exited;
  await listener.close(200);
  return text.trim().split('\n');
}

const hasGrpc = Bun.which('python3') !== null && Bun.spawnSync(['python3', '-c', 'import grpc']).success;

describeWith(hasGrpc ? ['python3'] : ['python3', 'grpcio of Python'], 'a client on the C core', () => {
  test('gets one large response after the other, and the end of the call', async () => {
    const lines = await run(adsPaths.delta, [
      request(typeUrls.cluster, { node: testNode, subscribe: ['*'] }),
      request(typeUrls.endpoint, { subscribe: names.slice(0, 1_000) }),
      request(typeUrls.endpoint, { nonce: '2', subscribe: names.slice(1_000) }),
    ]);
    const sizes = lines.slice(0, -1).map((line) => Number(line.split(' ')[1]));
    expect(sizes.length).toBe(3);
    expect(Math.min(...sizes)).toBeGreaterThan(100_000);
    expect(lines.at(-1)).toStartWith('status 0');
  });

  test('is told what is wrong in the status', async () => {
    const answer = await run(adsPaths.delta, [request(typeUrls.cluster, { subscribe: ['*'] })]);
    expect(answer).toEqual(['status 3 the first request carries no node']);
    expect((await run('/x.Y/Z', ['00']))[0]).toBe('status 12 there is no method /x.Y/Z');
  });
});
