// The machine the demo runs on: starts processes and remembers each one, so that none can be forgotten at the end.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PortAllocator } from './ports.ts';
import { isAlive, ManagedProcess, type ProcessSpec } from './process.ts';
import { Reaper } from './reaper.ts';
import { type ProcessRow, StateFile } from './state-file.ts';

/** What to run, and how it is listed. */
export interface Program {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly row: Omit<ProcessRow, 'pid'>;
  readonly onLine?: (line: string) => void;
  /** The command line that runs this one where it belongs; asked at each start. */
  readonly enter?: (command: readonly string[]) => readonly string[];
}

export class Machine {
  readonly ports: PortAllocator;
  readonly state: StateFile;
  /** Holds manifests, logs, snapshots and the ledger; the caller made it. */
  readonly folder: string;
  private readonly logFolder: string;
  private readonly reaper = new Reaper();
  private readonly environment: Readonly<Record<string, string>>;
  private readonly pids: number[] = [];

  constructor(folder: string, statePath: string | null, environment: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.ports = new PortAllocator(process.pid * 7919);
    this.state = new StateFile(statePath);
    this.environment = environment;
    this.logFolder = join(folder, 'logs');
    mkdirSync(this.logFolder, { recursive: true });
  }

  /** Starts a process; it is listed until it ends. */
  spawn(program: Program): ManagedProcess {
    const { row, command, env, onLine, enter } = program;
    const child = this.start({
      name: row.name,
      command: enter === undefined ? command : enter(command),
      env,
      ...(onLine === undefined ? {} : { onLine }),
    });
    this.state.add({ ...row, pid: child.pid });
    void child.exited.then(() => this.state.remove(child.pid));
    return child;
  }

  /** Starts a process that only keeps something for others: it ends as all do, but nobody lists or hurts it. */
  hold(spec: Pick<ProcessSpec, 'name' | 'command' | 'onLine'>): ManagedProcess {
    return this.start({ ...spec, env: {} });
  }

  private start(spec: Omit<ProcessSpec, 'logPath'>): ManagedProcess {
    const env = { ...this.environment, ...spec.env };
    const child = new ManagedProcess({ ...spec, env, logPath: this.logPath(spec.name) }, this.reaper);
    this.pids.push(child.pid);
    return child;
  }

  logPath(name: string): string {
    return join(this.logFolder, `${name}.log`);
  }

  /**
   * Ends the reaper, which ends what is left, and returns the ids that are alive all the same: there should be none.
   */
  async close(): Promise<readonly number[]> {
    await this.reaper.close();
    this.state.flush();
    return this.pids.filter(isAlive);
  }
}
