// Logs of health check events: lines of JSON as Envoy writes them (data.core.v3.HealthCheckEvent), appended to files.
// Events are rare and must never hold anything up: what a slow disk has not taken waits up to a bound, then is dropped
// and counted.

import type { Address } from '../net/index.ts';
import type { LogSink, LogSinkHandler } from '../observe/index.ts';
import { proxyLimits } from './limits.ts';

export interface HealthEvent {
  readonly kind: 'added' | 'ejected' | 'degraded' | 'undegraded' | 'failed' | 'passed';
  readonly cause: 'ACTIVE' | 'PASSIVE' | 'NETWORK' | 'NETWORK_TIMEOUT' | null;
  /** By the first check of the endpoint. */
  readonly first: boolean;
  /** Of the answer over HTTP that says no; 0: there is none. */
  readonly status: number;
}

/** The endpoint, as an event names it. */
export interface EventTarget {
  readonly checkAddress: Address;
  /** `region/zone/sub-zone`. */
  readonly locality: string;
}

export function describeEvent(
  { kind, cause, first, status }: HealthEvent,
  probe: 'http' | 'tcp' | 'grpc',
  { checkAddress: address, locality }: EventTarget,
  cluster: string,
  wallMs: number,
): string {
  const failure = { failure_type: cause, ...(status > 0 ? { http_status_code: status } : {}) };
  const [region = '', zone = '', sub_zone = ''] = locality.split('/');
  const bodies = {
    added: { add_healthy_event: { first_check: first } },
    ejected: { eject_unhealthy_event: failure },
    degraded: { degraded_healthy_host: {} },
    undegraded: { no_longer_degraded_host: {} },
    failed: { health_check_failure_event: { ...failure, first_check: first } },
    passed: { successful_health_check_event: {} },
  } as const;
  return JSON.stringify({
    health_checker_type: probe.toUpperCase(),
    host:
      address.kind === 'ip'
        ? { socket_address: { protocol: 'TCP', address: address.host, port_value: address.port } }
        : { pipe: { path: address.path } },
    cluster_name: cluster,
    locality: { region, zone, sub_zone },
    timestamp: new Date(wallMs).toISOString(),
    ...bodies[kind],
  });
}

export class EventLog implements LogSinkHandler {
  dropped = 0;
  private readonly sink: LogSink;
  private waiting = '';
  private writing = false;

  constructor(sink: LogSink) {
    this.sink = sink;
  }

  write(line: string): void {
    if (this.waiting.length + line.length > proxyLimits.eventLogCharsMax) {
      this.dropped += 1;
      return;
    }
    this.waiting += `${line}\n`;
    if (!this.writing) this.flush();
  }

  reopen(): void {
    this.sink.reopen();
  }

  close(): void {
    this.sink.close();
  }

  onWritten(error: Error | null): void {
    this.writing = false;
    if (error !== null) this.dropped += 1;
    if (this.waiting !== '') this.flush();
  }

  private flush(): void {
    this.writing = true;
    const bytes = new TextEncoder().encode(this.waiting);
    this.waiting = '';
    this.sink.write(bytes, this);
  }
}

/** By path, so that clusters that log to one file share its descriptor. */
export class EventLogs {
  private readonly createSink: (path: string) => LogSink;
  private readonly logs = new Map<string, EventLog>();

  constructor(createSink: (path: string) => LogSink) {
    this.createSink = createSink;
  }

  open(path: string): EventLog {
    let log = this.logs.get(path);
    if (log === undefined) {
      log = new EventLog(this.create(path));
      this.logs.set(path, log);
    }
    return log;
  }

  reopen(): void {
    for (const log of this.logs.values()) log.reopen();
  }

  close(): void {
    for (const log of this.logs.values()) log.close();
    this.logs.clear();
  }

  /** A file that cannot be opened loses the events, not the checks. */
  private create(path: string): LogSink {
    try {
      return this.createSink(path);
    } catch {
      return lostSink;
    }
  }
}

const lostSink: LogSink = {
  write(_bytes, handler) {
    handler.onWritten(new Error('the log cannot be opened'));
  },
  reopen() {},
  close() {},
};
