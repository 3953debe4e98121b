// grpc.health.v1.Health beside the discovery services, for probes and load balancers
// (https://github.com/grpc/grpc/blob/master/doc/health-checking.md).

import { MeshError } from '../../base/index.ts';
import { WireError, WireReader } from '../protobuf/wire-reader.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import type { AdsStream, AdsStreamHandler } from '../types.ts';

export interface HealthMethod {
  /** Answers on `stream`. */
  start(stream: AdsStream, healthy: () => boolean): AdsStreamHandler;
}

const servingStatus = { serving: 1, notServing: 2 } as const;

/** Services that a probe may ask for; '' is the server as a whole. */
const known: ReadonlySet<string> = new Set(['', 'envoy.service.discovery.v3.AggregatedDiscoveryService']);

export function findHealthMethod(path: string): HealthMethod | null {
  return path === '/grpc.health.v1.Health/Check'
    ? { start: (stream, healthy) => new Check(stream, healthy) }
    : null;
}

class Check implements AdsStreamHandler {
  private readonly stream: AdsStream;
  private readonly healthy: () => boolean;

  constructor(stream: AdsStream, healthy: () => boolean) {
    this.stream = stream;
    this.healthy = healthy;
  }

  onMessage(message: Uint8Array): void {
    const service = readService(message);
    if (service === null) this.stream.close(refusal('protocol', 'this is no HealthCheckRequest'));
    else if (!known.has(service))
      this.stream.close(refusal('name-not-found', `there is no service ${service}`));
    else {
      const writer = new WireWriter();
      writer.uint(1, this.healthy() ? servingStatus.serving : servingStatus.notServing);
      this.stream.send([writer.finish()]);
      this.stream.close(null);
    }
  }

  onWritable(): void {}

  onClose(): void {}
}

function refusal(code: 'protocol' | 'name-not-found', message: string): MeshError {
  return new MeshError(code, 'downstream', 'no', message);
}

function readService(message: Uint8Array): string | null {
  try {
    const reader = new WireReader(message);
    let service = '';
    while (reader.next()) {
      if (reader.field === 1) service = reader.string();
      else reader.skip();
    }
    return service;
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}
