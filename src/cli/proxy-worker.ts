// A further thread of `weft proxy --concurrency N`: composes the real world around one more data path. Not a command:
// the first thread starts it (proxy-threads.ts).

import { parentPort, workerData } from 'node:worker_threads';
import type { LogFields, LogLevel } from '../base/index.ts';
import {
  createBunNetwork,
  createFileStore,
  createSystemClock,
  createSystemRandom,
  createSystemReadings,
  createSystemResolver,
  type Listener,
  listOpenListeners,
  type Network,
  readOpenFilesMax,
} from '../net/index.ts';
import { createJsonLog, type LeveledLog, type LogThreshold } from '../observe/index.ts';
import { SharedMemory } from '../policy/index.ts';
import { startThread, type ToThread } from '../proxy/index.ts';
import { machine } from './machine.ts';
import { parseSource } from './proxy-bootstrap.ts';
import type { FromWorker, WorkerSettings } from './proxy-threads.ts';
import { loadUserFilters } from './user-filters.ts';
import { warmUpThread } from './warm-up.ts';

/** What this thread has to say that is no warning, the first has said already. */
class ThreadLog implements LeveledLog {
  private readonly log: LeveledLog;
  private readonly thread: number;

  constructor(log: LeveledLog, thread: number) {
    this.log = log;
    this.thread = thread;
  }

  get debugEnabled(): boolean {
    return this.log.debugEnabled;
  }

  get level(): LogThreshold {
    return this.log.level;
  }

  set level(level: LogThreshold) {
    this.log.level = level;
  }

  write(level: LogLevel, message: string, fields?: LogFields): void {
    this.log.write(level === 'info' ? 'debug' : level, message, { ...fields, thread: this.thread });
  }
}

/**
 * Where the kernel does not spread connections (a unix socket, a port that it chose), the first thread listens alone.
 */
function besideFirst(network: Network): Network {
  const elsewhere: Omit<Listener, 'address'> = { suspend() {}, resume() {}, close() {} };
  return {
    ...network,
    listen: (options) =>
      options.address.kind === 'unix' || options.address.port === 0
        ? { ...elsewhere, address: options.address }
        : network.listen(options),
  };
}

async function start(settings: WorkerSettings, send: (message: FromWorker) => void): Promise<void> {
  const { thread, threads, originMs, inherited, drainTimeoutMs, drainStrategy } = settings;
  const log = createJsonLog(settings.logLevel, { write: (line) => send({ kind: 'log', line }) });
  const threadLog = new ThreadLog(log, thread + 1);
  const store = createFileStore();
  startThread({
    userFilters: await loadUserFilters(settings.filters, store, threadLog),
    clock: createSystemClock(originMs),
    random: createSystemRandom(),
    network: besideFirst(createBunNetwork(undefined, inherited)),
    resolver: createSystemResolver(),
    store,
    log: threadLog,
    bootstrap: parseSource(settings.bootstrap),
    drainTimeoutMs,
    drainStrategy,
    machine,
    openFilesMax: readOpenFilesMax(),
    readings: createSystemReadings(),
    memory: new SharedMemory(settings.memory),
    thread,
    threads,
    listOpenListeners,
    port: {
      post: send,
      listen: (receive) => void parentPort?.on('message', (message: ToThread) => receive(message)),
    },
  });
  warmUpThread(settings.warmUp, thread, threadLog);
}

void start(workerData as WorkerSettings, (message) => parentPort?.postMessage(message));
