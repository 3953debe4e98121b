// grpc.health.v1.Health beside the discovery services, for probes and load balancers
// (https://github.com/grpc/grpc/blob/master/doc/health-checking.md).

import { type Clock, MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import { healthWatchesMax } from '../limits.ts';
import { WireError, WireReader } from '../protobuf/wire-reader.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import type { AdsStream, AdsStreamHandler } from '../types.ts';
import { discoveryMethods } from './grpc-protocol.ts';

export interface CallHandler extends AdsStreamHandler {
  /** The client has asked all that it will: the handler ends it when all is answered. Without this it ends now. */
  onRequestEnd?(): void;
}

/** Answers a call on `stream`. */
export type StartCall = (stream: AdsStream) => CallHandler;

const servingStatus = { serving: 1, notServing: 2, serviceUnknown: 3 } as const;

/** Services that a probe may ask for; '' is the server as a whole. */
export const healthServices: ReadonlySet<string> = new Set([
  '',
  ...[...discoveryMethods.keys()].map((path) => path.slice(1, path.lastIndexOf('/'))),
]);

/** How often those who watch are told of a change. */
const watchIntervalMs = 1_000;

export class HealthService implements TimerHandler {
  readonly watches = new Set<Watch>();
  private readonly clock: Clock;
  private readonly healthy: () => boolean;
  private readonly timer = new Timer(this, 0);
  private leaving = false;

  constructor(clock: Clock, healthy: () => boolean) {
    this.clock = clock;
    this.healthy = healthy;
  }

  find(path: string): StartCall | null {
    switch (path) {
      case '/grpc.health.v1.Health/Check':
        return (stream) => new Check(stream, this);
      case '/grpc.health.v1.Health/List':
        return (stream) => new List(stream, this);
      case '/grpc.health.v1.Health/Watch':
        return (stream) => new Watch(stream, this);
      default:
        return null;
    }
  }

  /** One of `servingStatus`. */
  statusOf(service: string): number {
    if (!healthServices.has(service)) return servingStatus.serviceUnknown;
    return !this.leaving && this.healthy() ? servingStatus.serving : servingStatus.notServing;
  }

  /** From here on nothing is healthy; who watches hears it now. */
  leave(): void {
    this.leaving = true;
    for (const watch of this.watches) watch.tell();
    this.clock.cancel(this.timer);
  }

  /** False: too many watch already. */
  add(watch: Watch): boolean {
    if (this.watches.size >= healthWatchesMax) return false;
    if (this.watches.size === 0) this.clock.arm(this.timer, watchIntervalMs);
    this.watches.add(watch);
    return true;
  }

  remove(watch: Watch): void {
    this.watches.delete(watch);
    if (this.watches.size === 0) this.clock.cancel(this.timer);
  }

  onTimer(): void {
    for (const watch of this.watches) watch.tell();
    this.clock.arm(this.timer, watchIntervalMs);
  }
}

class Check implements AdsStreamHandler {
  private readonly stream: AdsStream;
  private readonly health: HealthService;

  constructor(stream: AdsStream, health: HealthService) {
    this.stream = stream;
    this.health = health;
  }

  onMessage(message: Uint8Array): void {
    const service = readService(message);
    if (service === null) this.stream.close(refusal('protocol', 'this is no HealthCheckRequest'));
    else if (!healthServices.has(service))
      this.stream.close(refusal('name-not-found', `there is no service ${service}`));
    else {
      this.stream.send([encodeStatus(this.health.statusOf(service))]);
      this.stream.close(null);
    }
  }

  onWritable(): void {}

  onClose(): void {}
}

class List implements AdsStreamHandler {
  private readonly stream: AdsStream;
  private readonly health: HealthService;

  constructor(stream: AdsStream, health: HealthService) {
    this.stream = stream;
    this.health = health;
  }

  onMessage(): void {
    const answer = new WireWriter();
    for (const service of healthServices) {
      const entry = new WireWriter();
      entry.element(1, service);
      entry.bytes(2, encodeStatus(this.health.statusOf(service)));
      answer.bytes(1, entry.finish());
    }
    this.stream.send([answer.finish()]);
    this.stream.close(null);
  }

  onWritable(): void {}

  onClose(): void {}
}

/** States: `asked` (no request yet) -> `watching` -> over. It says what is, then each change. */
class Watch implements CallHandler {
  private readonly stream: AdsStream;
  private readonly health: HealthService;
  /** null: not asked yet. */
  private service: string | null = null;
  private told = -1;
  /** The client reads; to one that does not, only what is true when it does again is told. */
  private writable = true;

  constructor(stream: AdsStream, health: HealthService) {
    this.stream = stream;
    this.health = health;
  }

  onMessage(message: Uint8Array): void {
    // The method takes one request.
    if (this.service !== null) return;
    this.service = readService(message);
    if (this.service === null) this.stream.close(refusal('protocol', 'this is no HealthCheckRequest'));
    else if (!this.health.add(this))
      this.stream.close(refusal('overflow', `more than ${healthWatchesMax} watch this server's health`));
    else this.tell();
  }

  /** It goes on until the client cancels it. */
  onRequestEnd(): void {
    if (this.service === null) this.stream.close(refusal('protocol', 'there is no HealthCheckRequest'));
  }

  tell(): void {
    const status = this.health.statusOf(this.service ?? '');
    if (status === this.told || !this.writable) return;
    this.told = status;
    this.writable = this.stream.send([encodeStatus(status)]);
  }

  onWritable(): void {
    this.writable = true;
    this.tell();
  }

  onClose(): void {
    this.health.remove(this);
  }
}

function refusal(code: 'protocol' | 'name-not-found' | 'overflow', message: string): MeshError {
  return new MeshError(code, 'downstream', 'no', message);
}

function encodeStatus(status: number): Uint8Array {
  const writer = new WireWriter();
  writer.uint(1, status);
  return writer.finish();
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
