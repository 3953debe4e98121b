// What the threads of one proxy say to each other. The first thread has the control plane, the disk and the admin
// interface; the others are told what to apply and asked what they counted.

import type { Issue } from '../../base/index.ts';
import type { OpenListener } from '../../net/index.ts';
import type { LogThreshold } from '../../observe/index.ts';
import type { XdsUpdate } from '../../xds/index.ts';
import type { LastGood, Wanted } from '../config/index.ts';
import type { DrainCause, DrainOptions } from '../drain.ts';
import type { ThreadCounts } from './collect.ts';

export type ToThread =
  /**
   * Resources that the first thread has accepted, and those of them that requests asked for. `id` comes back with
   * `applied`; 0: nobody waits for that.
   */
  | {
      readonly kind: 'update';
      readonly id: number;
      readonly update: XdsUpdate;
      readonly wanted: readonly Wanted[];
    }
  | { readonly kind: 'connection'; readonly connected: boolean }
  | { readonly kind: 'restore'; readonly id: number; readonly saved: LastGood }
  /** A cluster is to look at what is shared: ejections, slots for connections. */
  | { readonly kind: 'look'; readonly cluster: string }
  /** Virtual hosts or clusters that the proxy does not hold any more. */
  | { readonly kind: 'unused'; readonly typeUrl: string; readonly resources: readonly string[] }
  | { readonly kind: 'health'; readonly failed: boolean }
  | { readonly kind: 'drain-listeners'; readonly options: DrainOptions }
  | { readonly kind: 'level'; readonly level: LogThreshold }
  | { readonly kind: 'collect'; readonly id: number }
  /** The bytes of the last `write` to this path are out, or lost. */
  | { readonly kind: 'written'; readonly path: string; readonly error: string | null }
  | { readonly kind: 'drain'; readonly cause: DrainCause }
  | { readonly kind: 'stop' };

export type FromThread =
  | { readonly kind: 'applied'; readonly id: number; readonly issues: readonly Issue[] }
  | { readonly kind: 'state'; readonly state: ThreadState }
  /** Names whose resources the first thread may have had for longer than this one asks for them. */
  | { readonly kind: 'subscribe'; readonly typeUrl: string; readonly names: readonly string[] }
  /** All that its requests ask for or use, of virtual hosts or clusters. */
  | { readonly kind: 'wanted'; readonly typeUrl: string; readonly wanted: readonly Wanted[] }
  | { readonly kind: 'look'; readonly cluster: string }
  /** Slices of one answer to `collect`, the last one marked. */
  | { readonly kind: 'counts'; readonly id: number; readonly counts: ThreadCounts; readonly last: boolean }
  | { readonly kind: 'write'; readonly path: string; readonly bytes: Uint8Array }
  | { readonly kind: 'drained' }
  | { readonly kind: 'stopped' };

export interface ThreadState {
  /** What keeps it from serving. */
  readonly obstacles: readonly Issue[];
  /** Its part of the configuration's issues. */
  readonly issues: readonly Issue[];
  /** Descriptors are the process's: any thread can hand them on. */
  readonly listeners: readonly OpenListener[];
}

/** One end of the way between two threads. Messages arrive in order, as copies. */
export interface Port<Out, In> {
  post(message: Out): void;
  /** Called once, before anything arrives. */
  listen(receive: (message: In) => void): void;
}

/** The first thread's end. */
export type ThreadPort = Port<ToThread, FromThread>;
