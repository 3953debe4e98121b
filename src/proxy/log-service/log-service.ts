// Hands entries of access logs to their service (envoy.service.accesslog.v3.AccessLogService), in batches and one at a
// time: each is a stream of one message, which servers of long streams take as well. A request never waits for it: what
// the service does not take is kept up to a bound, and above it dropped and counted.
//
// States: idle -> gathering (the timer runs) -> calling -> gathering or idle; entries come in every one of them.

import { type Clock, Timer, type TimerHandler } from '../../base/index.ts';
import { WireWriter } from '../../xds/index.ts';
import type { LogTarget } from '../access-logger.ts';
import type { LogServiceConfig } from '../config/types.ts';
import { type ExchangeContext, GrpcCall, type GrpcCallOwner } from '../exchange/index.ts';
import { logServiceLimits } from './limits.ts';

const method = 'envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';

export class LogService implements LogTarget, TimerHandler, GrpcCallOwner {
  dropped = 0;
  /** A server that has read the stream to its end may have nothing to say. */
  readonly takesNothing = true;
  private readonly context: ExchangeContext;
  private readonly config: LogServiceConfig;
  private readonly clock: Clock;
  private readonly timer = new Timer(this, flushTimer);
  private readonly closing = new Timer(this, closeTimer);
  private readonly identifier: Uint8Array;
  private queue: Uint8Array[] = [];
  private queuedBytes = 0;
  /** The batch that is on its way; null: none is. */
  private call: GrpcCall | null = null;
  private calledEntries = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(context: ExchangeContext, config: LogServiceConfig) {
    this.context = context;
    this.config = config;
    this.clock = context.clock;
    this.identifier = encodeIdentifier(context, config.logName);
  }

  add(entry: Uint8Array): void {
    if (this.queuedBytes + entry.length > logServiceLimits.queuedBytesMax) {
      this.dropped += 1;
      return;
    }
    this.queue.push(entry);
    this.queuedBytes += entry.length;
    if (this.queuedBytes >= this.config.bufferBytes) this.flush();
    else this.arm();
  }

  onTimer(kind: number): void {
    if (kind === closeTimer) this.call?.cancel();
    if (kind === closeTimer) this.onTold(false);
    else this.flush();
  }

  onGrpcAnswered(): void {
    this.onTold(true);
  }

  onGrpcFailed(): void {
    this.onTold(false);
  }

  reopen(): void {}

  async close(): Promise<void> {
    this.flush();
    if (this.call !== null) {
      this.clock.arm(this.closing, logServiceLimits.closeMs);
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    this.clock.cancel(this.closing);
    this.clock.cancel(this.timer);
    this.dropped += this.queue.length;
    this.queue = [];
  }

  private arm(): void {
    if (!this.timer.armed) this.clock.arm(this.timer, this.config.flushMs);
  }

  private flush(): void {
    if (this.call !== null || this.queue.length === 0) return;
    this.clock.cancel(this.timer);
    const { context, config, queue } = this;
    const entries = new WireWriter(this.queuedBytes + queue.length * 4);
    for (const entry of queue) entries.bytes(1, entry);
    const message = new WireWriter(this.queuedBytes + 512);
    message.bytes(1, this.identifier);
    message.bytes(config.of === 'http' ? 2 : 3, entries.finish());
    this.calledEntries = queue.length;
    this.queue = [];
    this.queuedBytes = 0;
    this.call = new GrpcCall(context, config.target, method, message.finish(), this);
    this.call.start();
  }

  private onTold(taken: boolean): void {
    if (!taken) this.dropped += this.calledEntries;
    this.calledEntries = 0;
    this.call = null;
    // The rest goes with a timer's turn, so that a service that fails at once is not asked in a circle.
    if (this.queue.length > 0 && this.waiting.length === 0) this.arm();
    for (const told of this.waiting.splice(0)) told();
  }
}

const flushTimer = 0;
const closeTimer = 1;

/** StreamAccessLogsMessage.Identifier: 1 node (1 id, 2 cluster, 4 locality of 2 zone), 2 log_name. */
function encodeIdentifier({ node, serviceCluster }: ExchangeContext, logName: string): Uint8Array {
  const locality = new WireWriter(64);
  locality.string(2, node.zone);
  const told = new WireWriter(256);
  told.string(1, node.id);
  told.string(2, serviceCluster);
  if (node.zone !== '') told.bytes(4, locality.finish());
  const identifier = new WireWriter(512);
  identifier.bytes(1, told.finish());
  identifier.string(2, logName);
  return identifier.finish();
}
