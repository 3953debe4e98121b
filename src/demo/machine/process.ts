// A child process of the demo: started in its own process group, its output in a file, ended politely and then for
// certain.

import { closeSync, openSync } from 'node:fs';
import { stopGraceMs } from './limits.ts';

export interface ProcessSpec {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Standard error, and standard output where no `onLine` takes it, are appended here. */
  readonly logPath: string;
  /** Receives standard output line by line. */
  readonly onLine?: (line: string) => void;
}

/** Is told of every child's life; the reaper, who ends them when the demo itself is killed. */
export interface ProcessWatcher {
  onStart(pid: number): void;
  onExit(pid: number): void;
}

/** How a process ended. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | number | null;
}

export class ManagedProcess {
  readonly spec: ProcessSpec;
  readonly pid: number;
  readonly startedAtMs: number;
  /** Settles when the process is gone and reaped. */
  readonly exited: Promise<ProcessExit>;
  private child: Bun.Subprocess<'pipe', number | 'pipe', number>;
  private alive = true;

  constructor(spec: ProcessSpec, watcher: ProcessWatcher) {
    const log = openSync(spec.logPath, 'a');
    this.spec = spec;
    this.startedAtMs = performance.now();
    this.child = Bun.spawn([...spec.command], {
      // Its own group: Ctrl-C on the terminal reaches the demo alone, which then ends its children in order.
      detached: true,
      env: spec.env,
      stdin: 'pipe',
      stdout: spec.onLine === undefined ? log : 'pipe',
      stderr: log,
    });
    closeSync(log);
    this.pid = this.child.pid;
    watcher.onStart(this.pid);
    if (spec.onLine !== undefined && this.child.stdout instanceof ReadableStream) {
      void readLines(this.child.stdout, spec.onLine);
    }
    this.exited = this.child.exited.then(() => {
      this.alive = false;
      watcher.onExit(this.pid);
      return { code: this.child.exitCode, signal: this.child.signalCode };
    });
  }

  get running(): boolean {
    return this.alive;
  }

  /** Writes one line to its standard input; nothing when it has ended. */
  send(line: string): void {
    if (!this.alive) return;
    this.child.stdin.write(`${line}\n`);
    void this.child.stdin.flush();
  }

  signal(signal: NodeJS.Signals): void {
    if (this.alive) this.child.kill(signal);
  }

  /** SIGTERM, then SIGKILL after `graceMs`. Settles when the process is gone. */
  async stop(graceMs = stopGraceMs): Promise<ProcessExit> {
    this.signal('SIGTERM');
    // A paused process takes its SIGTERM only when it is let go.
    this.signal('SIGCONT');
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }
}

/** Is there a process (or a zombie) with this id? */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  }
}
