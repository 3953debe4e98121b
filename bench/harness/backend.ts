// The endpoints behind every proxy of a run: as little work as can be had, because the machine is shared.

import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backendConfig, bodyKilobytes } from '../peers/nginx.ts';
import type { EndpointKind } from '../peers/work.ts';
import { type Child, end, freePorts, spawn, untilReady } from './running.ts';

export interface Backend {
  /** Ports of the endpoints of a kind, started when they are first asked for. */
  endpoints(kind: EndpointKind): Promise<readonly number[]>;
  stop(): Promise<void>;
}

/** Bytes of a gRPC message behind its prefix; both ways. */
export const messageBytes = [100, 10_000] as const;

export async function startBackend(count: number): Promise<Backend> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'));
  writeFiles(folder);
  // In one call: a port that nobody listens at yet may be given out again by the next.
  const ports = await freePorts(count * 2);
  const http1 = ports.slice(0, count);
  const http2 = ports.slice(count);
  const config = join(folder, 'backend.conf');
  writeFileSync(config, backendConfig(http1, http2, folder));
  const nginx = spawn(['nginx', '-e', 'stderr', '-c', config]);
  const children: Child[] = [nginx];
  const started = new Map<EndpointKind, readonly number[]>([
    ['http1', http1],
    ['http2', http2],
  ]);
  const stop = async () => {
    await Promise.all(children.map((child) => end(child, folder)));
  };
  try {
    await untilReady('backend', `http://127.0.0.1:${http1[0]}/ready`, nginx);
  } catch (error) {
    await stop();
    throw error;
  }
  const start = async (kind: EndpointKind): Promise<readonly number[]> => {
    const ports = await freePorts(count);
    for (const port of ports)
      children.push(
        spawn(kind === 'grpc' ? grpcServer(folder, port) : ['bun', 'bench/peers/streams.ts', `${port}`]),
      );
    started.set(kind, ports);
    return ports;
  };
  return { endpoints: async (kind) => started.get(kind) ?? start(kind), stop };
}

/** nghttpd: answers with a file and a trailer, which is all that a client of gRPC sees of a server. */
function grpcServer(folder: string, port: number): readonly string[] {
  const types = `--mime-types-file=${join(folder, 'types')}`;
  const settings = ['--no-tls', '--no-content-length', '--trailer', 'grpc-status: 0', '-m', '2000', types];
  return ['nghttpd', ...settings, '-d', join(folder, 'grpc'), '-a', '127.0.0.1', `${port}`];
}

function writeFiles(folder: string): void {
  mkdirSync(join(folder, 'size'));
  for (const size of bodyKilobytes)
    writeFileSync(join(folder, 'size', `${size}`), Buffer.alloc(size * 1024, 'x'));
  mkdirSync(join(folder, 'grpc', 'accounts', '12345'), { recursive: true });
  writeFileSync(join(folder, 'types'), 'application/grpc grpc\n');
  // What is asked for to see whether a proxy serves.
  writeFileSync(join(folder, 'grpc', 'accounts', '12345', 'balance'), 'ready');
  for (const size of messageBytes) writeFileSync(join(folder, 'grpc', `${size}.grpc`), grpcMessage(size));
}

/** The length-prefixed form of gRPC, not compressed. */
export function grpcMessage(size: number): Uint8Array {
  const bytes = new Uint8Array(5 + size).fill(120);
  bytes[0] = 0;
  new DataView(bytes.buffer).setUint32(1, size);
  return bytes;
}
