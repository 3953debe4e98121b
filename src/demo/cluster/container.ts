// A process that is started again when it dies, as a kubelet does with a container: at once, then with a growing wait.

import { restartBackoffMs, restartForgiveMs } from '../machine/limits.ts';
import type { Machine, Program } from '../machine/machine.ts';
import type { ManagedProcess } from '../machine/process.ts';

export interface ContainerWatcher {
  /** It ended without being asked to; it will be started again unless it is held. */
  onContainerExit(container: Container): void;
}

export class Container {
  readonly program: Program;
  private readonly machine: Machine;
  private readonly watcher: ContainerWatcher;
  private process: ManagedProcess | null = null;
  private restartTimer: ReturnType<typeof setTimeout> | null = null;
  private backoffMs: number = restartBackoffMs.first;
  private stopping = false;
  /** While true a dead process stays dead. */
  held = false;
  restarts = 0;

  constructor(program: Program, machine: Machine, watcher: ContainerWatcher) {
    this.program = program;
    this.machine = machine;
    this.watcher = watcher;
  }

  get pid(): number {
    return this.process?.running === true ? this.process.pid : 0;
  }

  get running(): boolean {
    return this.process?.running === true;
  }

  start(): void {
    if (this.stopping || this.running) return;
    const child = this.machine.spawn(this.program);
    this.process = child;
    void child.exited.then(() => this.onExit(child));
  }

  send(line: string): void {
    this.process?.send(line);
  }

  signal(signal: NodeJS.Signals): void {
    this.process?.signal(signal);
  }

  /** SIGTERM and an orderly start again, without the wait that a death costs. */
  async restart(): Promise<void> {
    this.held = true;
    await this.process?.stop();
    this.held = false;
    this.start();
  }

  /** Ends it for good. */
  async stop(): Promise<void> {
    this.stopping = true;
    if (this.restartTimer !== null) clearTimeout(this.restartTimer);
    await this.process?.stop();
  }

  private onExit(child: ManagedProcess): void {
    if (this.stopping) return;
    this.watcher.onContainerExit(this);
    if (this.held) return;
    const livedMs = performance.now() - child.startedAtMs;
    const delayMs = livedMs > restartForgiveMs ? restartBackoffMs.first : this.backoffMs;
    this.backoffMs = Math.min(delayMs * 2, restartBackoffMs.max);
    this.restarts++;
    this.restartTimer = setTimeout(() => this.start(), delayMs);
  }
}
