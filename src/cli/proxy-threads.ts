// The further threads of `weft proxy --concurrency N`, as the first one starts them. They begin when it listens
// already, so that an address which somebody else has is found by it, and not shared with a stranger.

import { Worker } from 'node:worker_threads';
import type { Log } from '../base/index.ts';
import { type InheritedDescriptors, type Network, shareDescriptors } from '../net/index.ts';
import type { LogThreshold } from '../observe/index.ts';
import { SharedMemory } from '../policy/index.ts';
import type { FromThread, ProxyOptions, ThreadPort, ToThread } from '../proxy/index.ts';
import { exitCode } from './command.ts';
import type { BootstrapSource } from './proxy-bootstrap.ts';

/** A sidecar has one; a gateway as many as it may use. */
export const concurrencyMax = 64;

export type FromWorker = FromThread | { readonly kind: 'log'; readonly line: string };

/** Handed over as a copy, but for the memory. */
export interface WorkerSettings {
  readonly bootstrap: BootstrapSource;
  readonly memory: SharedArrayBuffer;
  readonly thread: number;
  readonly threads: number;
  /** The clock's, which is the same for all. */
  readonly originMs: number;
  readonly inherited: InheritedDescriptors;
  readonly logLevel: LogThreshold;
  readonly drainTimeoutMs: number | null;
  readonly drainStrategy: NonNullable<ProxyOptions['drainStrategy']> | null;
  /** Files of filters of the user's own. */
  readonly filters: readonly string[];
  /** Requests of each thread's warm-up. */
  readonly warmUp: number;
}

/** What is sent before the thread runs waits for it. */
class WorkerPort implements ThreadPort {
  private worker: Worker | null = null;
  private readonly waiting: ToThread[] = [];
  private receive: (message: FromThread) => void = () => {};
  private readonly writeLog: (line: string) => void;

  constructor(writeLog: (line: string) => void) {
    this.writeLog = writeLog;
  }

  post(message: ToThread): void {
    if (this.worker === null) this.waiting.push(message);
    else this.worker.postMessage(message);
  }

  listen(receive: (message: FromThread) => void): void {
    this.receive = receive;
  }

  attach(worker: Worker): void {
    this.worker = worker;
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'log') this.writeLog(message.line);
      else this.receive(message);
    });
    for (const message of this.waiting.splice(0)) worker.postMessage(message);
  }
}

export type ThreadSettings = Omit<WorkerSettings, 'memory' | 'thread' | 'threads' | 'originMs'>;

export class ProxyThreads {
  readonly memory = SharedMemory.create();
  readonly ports: readonly WorkerPort[];
  private readonly log: Log;
  private started = false;

  /** `threads`: the first one included. */
  constructor(threads: number, log: Log, writeLog: (line: string) => void) {
    this.log = log;
    this.ports = Array.from({ length: threads - 1 }, () => new WorkerPort(writeLog));
  }

  /** The first thread's network: until the others run, an address must be free. */
  guard(network: Network): Network {
    return {
      ...network,
      listen: (options) => {
        const { address, reusePort = false } = options;
        if (reusePort && !this.started && address.kind === 'ip' && address.port !== 0)
          network.listen({ ...options, reusePort: false }).close();
        return network.listen(options);
      },
    };
  }

  start(settings: ThreadSettings): void {
    this.started = true;
    const threads = this.ports.length + 1;
    for (const [at, port] of this.ports.entries()) {
      const thread = at + 1;
      const workerData: WorkerSettings = {
        ...settings,
        memory: this.memory.buffer,
        thread,
        threads,
        originMs: performance.timeOrigin,
        inherited: shareDescriptors(settings.inherited, thread, threads),
      };
      const worker = new Worker(new URL('./proxy-worker.ts', import.meta.url), { workerData });
      worker.on('error', (error) => this.end(thread, String(error)));
      worker.on('exit', (code) => this.end(thread, `exit code ${code}`));
      port.attach(worker);
    }
  }

  /**
   * Nobody can say any more what it holds of the shared limits, and its connections are gone: the process ends, and
   * whoever started it starts it again (docs/decisions/0012-threads.md).
   */
  private end(thread: number, reason: string): void {
    this.log.write('error', 'a thread failed; the proxy ends', { thread: thread + 1, reason });
    process.exit(exitCode.bug);
  }
}
