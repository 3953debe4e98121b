import { describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '../base/index.ts';
import { AccessLog } from './access-log.ts';
import { createFileSink, type LogSink, type LogSinkHandler } from './log-sink.ts';

const entry = `[2026-01-02T03:04:05.067Z] "POST /transfers HTTP/1.1" 503 UO ${'x'.repeat(300)}\n`;

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
  test('bytes leave as they came', () => {
    const clock = new VirtualClock();
    const sink = new MemorySink();
    const log = new AccessLog({ clock, sink });
    log.write('caf\xc3\xa9\n');
    log.flush();
    expect(sink.writes).toEqual(['café\n']);
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
