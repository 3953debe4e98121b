// A started process of the bench: free ports, readiness, CPU meter and an end that is certain.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backendConfig, type Peer, type Ports } from './peers.ts';
import { readCpuNs } from './usage.ts';

export interface Running {
  readonly name: string;
  readonly pid: number;
  readonly ports: Ports;
  /** CPU from start until it answered, in ms, and the wall time of that. */
  readonly startCpuMs: number;
  readonly startWallMs: number;
  stop(): Promise<void>;
}

const readyTimeoutMs = 20_000;

export async function startBackend(count: number): Promise<Running> {
  const endpoints = await freePorts(count);
  const ports = { listener: endpoints[0]!, admin: endpoints[0]!, endpoints };
  return await start('backend', ports, 'backend.conf', backendConfig(endpoints), (config) => [
    ...['nginx', '-e', 'stderr', '-c', config],
  ]);
}

export async function startPeer(peer: Peer, endpoints: readonly number[], index: number): Promise<Running> {
  const [listener, admin] = await freePorts(2);
  const ports = { listener: listener!, admin: admin!, endpoints };
  return await start(peer.name, ports, peer.configName, peer.createConfig(ports), (config) =>
    peer.createCommand(config, index),
  );
}

async function start(
  name: string,
  ports: Ports,
  configName: string,
  config: string,
  createCommand: (config: string) => readonly string[],
): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'));
  const path = join(folder, configName);
  writeFileSync(path, config);
  const begun = performance.now();
  const child = Bun.spawn([...createCommand(path)], { stdio: ['ignore', 'ignore', 'inherit'] });
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await child.exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(name, ports.listener, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name,
    pid: child.pid,
    ports,
    startCpuMs: readCpuNs(child.pid) / 1e6,
    startWallMs: performance.now() - begun,
    stop,
  };
}

/** Ready is: a request through the listener is answered with 200. */
async function untilReady(
  name: string,
  port: number,
  child: { readonly exitCode: number | null },
): Promise<void> {
  const deadline = performance.now() + readyTimeoutMs;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode} before it was ready`);
    const status = await fetch(`http://127.0.0.1:${port}/ready`, { headers: { host: 'ledger' } }).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) return;
    await Bun.sleep(5);
  }
  throw new Error(`${name} was not ready within ${readyTimeoutMs} ms`);
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => new Promise((done) => server.once('listening', done))));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}
