// `--state FILE`: every process of the demo, kept current, for tests and tools that want to find or hurt one.

import { writeFileAtomic } from './atomic-file.ts';

export type ProcessKind = 'service' | 'proxy' | 'control' | 'load';

/** One row; the file is an array of them, sorted by name. */
export interface ProcessRow {
  readonly name: string;
  readonly kind: ProcessKind;
  /** `application`, `sidecar`, `agent`, `gateway`, `control` or `load`. */
  readonly role: string;
  /** The Service it belongs to; '' for control plane and load. */
  readonly service: string;
  /** The pod's name; '' for control plane and load. */
  readonly replica: string;
  readonly pid: number;
  /** A proxy's or the control plane's admin address; '' for others. */
  readonly adminUrl: string;
}

/** Collects the rows and writes them, at most once a turn of the event loop. */
export class StateFile {
  private readonly path: string | null;
  private readonly known = new Map<number, ProcessRow>();
  private scheduled = false;

  constructor(path: string | null) {
    this.path = path;
  }

  get rows(): readonly ProcessRow[] {
    return [...this.known.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  add(row: ProcessRow): void {
    this.known.set(row.pid, row);
    this.schedule();
  }

  remove(pid: number): void {
    if (this.known.delete(pid)) this.schedule();
  }

  /** Writes now; called at the end, when no turn may follow. */
  flush(): void {
    this.scheduled = false;
    if (this.path !== null) writeFileAtomic(this.path, `${JSON.stringify(this.rows, null, 1)}\n`);
  }

  private schedule(): void {
    if (this.scheduled || this.path === null) return;
    this.scheduled = true;
    setImmediate(() => {
      if (this.scheduled) this.flush();
    });
  }
}
