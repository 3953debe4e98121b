// A started process of the bench: free ports, readiness, and an end that is certain.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeCertificates } from '../peers/certificates.ts';
import { type Peer, type Place, requestPath, type Work } from '../peers/work.ts';
import { readCpuNs } from './usage.ts';

export interface Running {
  readonly name: string;
  readonly pid: number;
  readonly work: Work;
  readonly place: Place;
  /** CPU from start until it answered, in ms, and the wall time of that. */
  readonly startCpuMs: number;
  readonly startWallMs: number;
  stop(): Promise<void>;
}

const readyTimeoutMs = 30_000;

export async function startPeer(
  peer: Peer,
  work: Work,
  endpoints: readonly number[],
  index: number,
): Promise<Running> {
  const [listener, inbound, admin] = (await freePorts(3)) as [number, number, number];
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'));
  const place = { listener, inbound, admin, endpoints, certificates: writeCertificates(folder) };
  const path = join(folder, peer.configName);
  writeFileSync(path, peer.createConfig(work, place));
  const begun = performance.now();
  const child = spawn(peer.createCommand(path, index, work));
  const stop = () => end(child, folder);
  try {
    await untilReady(
      peer.name,
      `${work.tls ? 'https' : 'http'}://127.0.0.1:${listener}${requestPath(work)}`,
      child,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  const startWallMs = performance.now() - begun;
  return {
    name: peer.name,
    pid: child.pid,
    work,
    place,
    startCpuMs: readCpuNs(child.pid) / 1e6,
    startWallMs,
    stop,
  };
}

export type Child = Bun.Subprocess<'ignore', 'ignore', 'inherit'>;

export function spawn(command: readonly string[]): Child {
  return Bun.spawn([...command], { stdio: ['ignore', 'ignore', 'inherit'] });
}

export async function end(child: Child, folder: string): Promise<void> {
  child.kill('SIGKILL');
  await child.exited;
  rmSync(folder, { recursive: true, force: true });
}

/** Ready is: a request through the listener is answered with 200. */
export async function untilReady(name: string, url: string, child: Child): Promise<void> {
  const deadline = performance.now() + readyTimeoutMs;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode} before it was ready`);
    // A connection of its own each time: one that is kept would count among those of the load.
    const headers = { host: 'ledger', connection: 'close' };
    const status = await fetch(url, { headers, keepalive: false, tls: { rejectUnauthorized: false } }).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) return;
    await Bun.sleep(5);
  }
  throw new Error(`${name} was not ready within ${readyTimeoutMs} ms`);
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => new Promise((done) => server.once('listening', done))));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}
