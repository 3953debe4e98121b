import { describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '../base/index.ts';
import { type AccessEntry, AccessLog } from './access-log.ts';
import { createFileSink, type LogSink, type LogSinkHandler } from './log-sink.ts';

const entry: AccessEntry = {
  startWallMs: Date.UTC(2026, 0, 2, 3, 4, 5, 67),
  method: 'POST',
  path: '/transfers?x="1"',
  authority: 'ledger',
  protocol: 'HTTP/1.1',
  responseCode: 503,
  responseCodeDetails: 'why',
  responseFlags: 'UO',
  bytesReceived: 10,
  bytesSent: 20,
  durationMs: 1.23456,
  upstreamHost: '127.0.0.1:80',
  upstreamCluster: 'bank/ledger:80',
  routeName: 'default',
  requestId: 'id',
  traceId: '',
  userAgent: 'a\nb',
  attempts: 2,
  downstreamAddress: '127.0.0.1:5',
  direction: 'outbound',
  failedPhase: 'connect',
};

class MemorySink implements LogSink {
  readonly writes: string[] = [];
  waiting: LogSinkHandler | null = null;
  closed = false;

  write(bytes: Uint8Array, handler: LogSinkHandler): void {
    this.writes.push(new TextDecoder().decode(bytes));
    this.waiting = handler;
  }

  settle(error: Error | null = null): void {
    const handler = this.waiting;
    this.waiting = null;
    handler?.onWritten(error);
  }

  reopen(): void {}

  close(): void {
    this.closed = true;
  }
}

describe('AccessLog', () => {
  test('a line is JSON under Envoy’s keys', () => {
    const clock = new VirtualClock();
    const sink = new MemorySink();
    const log = new AccessLog({ clock, sink });
    log.write(entry);
    log.flush();
    expect(JSON.parse(sink.writes[0]!)).toEqual({
      start_time: '2026-01-02T03:04:05.067Z',
      direction: 'outbound',
      failed_phase: 'connect',
      method: 'POST',
      path: '/transfers?x="1"',
      authority: 'ledger',
      protocol: 'HTTP/1.1',
      response_code: 503,
      response_code_details: 'why',
      response_flags: 'UO',
      bytes_received: 10,
      bytes_sent: 20,
      duration: 1.235,
      upstream_host: '127.0.0.1:80',
      upstream_cluster: 'bank/ledger:80',
      route_name: 'default',
      request_id: 'id',
      trace_id: null,
      user_agent: 'a\nb',
      attempts: 2,
      downstream_remote_address: '127.0.0.1:5',
    });
  });

  test('lines leave together after the flush time', () => {
    const clock = new VirtualClock();
    const sink = new MemorySink();
    const log = new AccessLog({ clock, sink, flushMs: 1000 });
    log.write(entry);
    log.write(entry);
    clock.advanceBy(900);
    expect(sink.writes).toEqual([]);
    clock.advanceBy(200);
    expect(sink.writes.map((text) => text.split('\n').length - 1)).toEqual([2]);
  });

  test('enough bytes leave at once', () => {
    const clock = new VirtualClock();
    const sink = new MemorySink();
    const log = new AccessLog({ clock, sink, flushBytes: 300 });
    log.write(entry);
    expect(sink.writes.length).toBe(1);
  });

  test('a slow disk loses lines beyond the bound, and they are counted', () => {
    const clock = new VirtualClock();
    const sink = new MemorySink();
    const log = new AccessLog({ clock, sink, flushBytes: 1, bytesMax: 1000 });
    for (let i = 0; i < 10; i++) log.write(entry);
    expect(sink.writes.length).toBe(1);
    sink.settle();
    sink.settle();
    expect(log.dropped).toBeGreaterThan(0);
    expect(log.lines + log.dropped).toBe(10);
  });

  test('a failing disk loses lines, and they are counted', () => {
    const clock = new VirtualClock();
    const sink = new MemorySink();
    const log = new AccessLog({ clock, sink, flushBytes: 1 });
    log.write(entry);
    sink.settle(new Error('disk full'));
    expect(log.dropped).toBe(1);
    log.write(entry);
    sink.settle();
    expect(log.lines).toBe(1);
  });

  test('values of callers are cut', () => {
    const clock = new VirtualClock();
    const sink = new MemorySink();
    const log = new AccessLog({ clock, sink });
    log.write({ ...entry, path: `/${'x'.repeat(100_000)}` });
    log.flush();
    expect(JSON.parse(sink.writes[0]!).path.length).toBe(2048);
  });

  test('closing waits for everything, also for lines that came during a write', async () => {
    const clock = new VirtualClock();
    const sink = new MemorySink();
    const log = new AccessLog({ clock, sink, flushBytes: 1 });
    log.write(entry);
    log.write(entry);
    const closed = log.close();
    sink.settle();
    sink.settle();
    await closed;
    expect(sink.writes.length).toBe(2);
    expect(sink.closed).toBe(true);
  });
});

test('a file goes on under its name after a rotation', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-access-'));
  try {
    const path = join(folder, 'access.log');
    const sink = createFileSink(path);
    const write = (text: string) =>
      new Promise<void>((resolve, reject) => {
        sink.write(Buffer.from(text), { onWritten: (error) => (error === null ? resolve() : reject(error)) });
      });
    await write('one\n');
    renameSync(path, `${path}.1`);
    sink.reopen();
    await write('two\n');
    sink.close();
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('one\n');
    expect(readFileSync(path, 'utf8')).toBe('two\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
