// The further threads of a proxy, as its first one sees them: told what to apply, asked what they counted, ended with
// it. A thread that fails takes the process with it (whoever started it sees to that): what it counted in shared memory
// would stay counted, and what it served is lost either way (docs/decisions/0012).

import { type Clock, formatIssue, type Issue, type Log, Timer, type TimerHandler } from '../../base/index.ts';
import type { OpenListener } from '../../net/index.ts';
import type { XdsResource, XdsUpdate } from '../../xds/index.ts';
import type { LastGood, Wanted } from '../config/index.ts';
import type { DrainCause } from '../drain.ts';
import { noCounts, type ThreadCounts } from './collect.ts';
import type { SharedSinks } from './log-sinks.ts';
import type { FromThread, ThreadPort, ThreadState, ToThread } from './messages.ts';

export interface FleetOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly ports: readonly ThreadPort[];
  readonly sinks: SharedSinks;
  /** Another thread says that a cluster is to look at what is shared. */
  readonly onLook: (cluster: string) => void;
  /** What the control plane last sent by this name, if it was accepted. */
  readonly accepted: (typeUrl: string, name: string) => XdsResource | null;
  /** Another thread's requests ask for these or use them. */
  readonly onWanted: (typeUrl: string, wanted: readonly Wanted[]) => void;
  /** What came by such a name; null: nothing so far. */
  readonly wantedOf: (typeUrl: string, name: string) => XdsResource | 'absent' | null;
}

/** A thread that does not say what it counted within this is shown as it was. */
const collectMs = 2_000;
/** The same for its end. */
const stopMs = 3_000;

const timerKind = { collect: 0, stop: 1 } as const;

interface Member {
  readonly port: ThreadPort;
  state: ThreadState | null;
  counts: ThreadCounts;
  slices: ThreadCounts[];
  collecting: number;
  subscribed: Map<string, ReadonlySet<string>>;
}

export class Fleet implements TimerHandler {
  private readonly options: FleetOptions;
  private readonly members: readonly Member[];
  private readonly collectTimer = new Timer(this, timerKind.collect);
  private readonly stopTimer = new Timer(this, timerKind.stop);
  private readonly applying = new Map<number, (issues: readonly Issue[]) => void>();
  private nextId = 1;
  private collecting: PromiseWithResolvers<void> | null = null;
  private readonly drained = Promise.withResolvers<void>();
  private readonly stopped = Promise.withResolvers<void>();
  private undrained: number;
  private unstopped: number;

  constructor(options: FleetOptions) {
    this.options = options;
    this.undrained = options.ports.length;
    this.unstopped = options.ports.length;
    this.members = options.ports.map((port) => ({
      port,
      state: null,
      counts: noCounts,
      slices: [],
      collecting: 0,
      subscribed: new Map(),
    }));
    for (const member of this.members) member.port.listen((message) => this.receive(member, message));
  }

  get size(): number {
    return this.members.length;
  }

  get counts(): readonly ThreadCounts[] {
    return this.members.map(({ counts }) => counts);
  }

  /** What keeps any of them from serving. */
  get obstacles(): readonly Issue[] {
    const obstacles = this.members.flatMap(
      ({ state }, at) => state?.obstacles ?? [issueOf(`thread ${at + 2}`, 'has not started')],
    );
    if (this.applying.size > 0) obstacles.push(issueOf('threads', 'have not taken the configuration in'));
    return distinct(obstacles);
  }

  get issues(): readonly Issue[] {
    return distinct(this.members.flatMap(({ state }) => state?.issues ?? []));
  }

  get listeners(): readonly OpenListener[] {
    return this.members.flatMap(({ state }) => state?.listeners ?? []);
  }

  tell(message: ToThread): void {
    for (const { port } of this.members) port.post(message);
  }

  restore(saved: LastGood): void {
    void this.ask((id) => ({ kind: 'restore', id, saved }));
  }

  /** Resolves with what any of them refuses, when all have it in force. */
  apply(update: XdsUpdate, wanted: readonly Wanted[]): Promise<readonly Issue[]> {
    return this.ask((id) => ({ kind: 'update', id, update, wanted }));
  }

  private async ask(message: (id: number) => ToThread): Promise<readonly Issue[]> {
    const answers = this.members.map(({ port }) => {
      const id = this.nextId++;
      const answer = new Promise<readonly Issue[]>((resolve) => this.applying.set(id, resolve));
      port.post(message(id));
      return answer;
    });
    return distinct((await Promise.all(answers)).flat());
  }

  /** Resolves when {@link counts} are of now, or a thread did not answer in time. */
  collect(): Promise<void> {
    if (this.collecting !== null) return this.collecting.promise;
    this.collecting = Promise.withResolvers<void>();
    const id = this.nextId++;
    for (const member of this.members) {
      member.collecting = id;
      member.slices = [];
      member.port.post({ kind: 'collect', id });
    }
    this.options.clock.arm(this.collectTimer, collectMs);
    return this.collecting.promise;
  }

  drain(cause: DrainCause): Promise<void> {
    this.tell({ kind: 'drain', cause });
    return this.drained.promise;
  }

  stop(): Promise<void> {
    this.tell({ kind: 'stop' });
    this.options.clock.arm(this.stopTimer, stopMs);
    return this.stopped.promise;
  }

  onTimer(kind: number): void {
    if (kind === timerKind.stop) {
      this.options.log.write('error', 'threads did not end in time', { threads: this.unstopped });
      this.stopped.resolve();
      return;
    }
    const silent = this.members.filter(({ collecting }) => collecting !== 0).length;
    this.options.log.write('warn', 'threads did not say what they counted', { threads: silent });
    this.finishCollecting();
  }

  private receive(member: Member, message: FromThread): void {
    switch (message.kind) {
      case 'applied':
        this.applying.get(message.id)?.(message.issues);
        this.applying.delete(message.id);
        break;
      case 'state':
        member.state = message.state;
        break;
      case 'subscribe':
        this.replay(member, message.typeUrl, message.names);
        break;
      case 'wanted':
        this.replayWanted(member, message.typeUrl, message.wanted);
        break;
      case 'look':
        this.options.onLook(message.cluster);
        this.tell(message);
        break;
      case 'counts':
        this.takeCounts(member, message.id, message.counts, message.last);
        break;
      case 'write':
        this.write(member, message.path, message.bytes);
        break;
      case 'drained':
        this.undrained -= 1;
        if (this.undrained === 0) this.drained.resolve();
        break;
      case 'stopped':
        this.unstopped -= 1;
        if (this.unstopped > 0) break;
        this.options.clock.cancel(this.stopTimer);
        this.stopped.resolve();
        break;
    }
  }

  /** A thread may forget a name and ask for it again when the control plane has no reason to send it once more. */
  private replay(member: Member, typeUrl: string, names: readonly string[]): void {
    const before = member.subscribed.get(typeUrl);
    member.subscribed.set(typeUrl, new Set(names));
    const changed = names.flatMap((name) => {
      const resource = before?.has(name) === true ? null : this.options.accepted(typeUrl, name);
      return resource === null ? [] : [resource];
    });
    if (changed.length === 0) return;
    const update = { typeUrl, version: '', changed, removed: [] };
    member.port.post({ kind: 'update', id: 0, update, wanted: [] });
  }

  /** What the first thread has or knows is told at once, what it has not is asked for. */
  private replayWanted(member: Member, typeUrl: string, wanted: readonly Wanted[]): void {
    const before = member.subscribed.get(typeUrl);
    member.subscribed.set(typeUrl, new Set(wanted.map(({ name }) => name)));
    this.options.onWanted(typeUrl, wanted);
    const changed: XdsResource[] = [];
    const removed: string[] = [];
    for (const { name } of wanted) {
      const found = before?.has(name) === true ? null : this.options.wantedOf(typeUrl, name);
      if (found === 'absent') removed.push(name);
      else if (found !== null) changed.push({ ...found, aliases: [name] });
    }
    if (changed.length + removed.length === 0) return;
    const update = { typeUrl, version: '', changed, removed };
    member.port.post({ kind: 'update', id: 0, update, wanted: [] });
  }

  private takeCounts(member: Member, id: number, counts: ThreadCounts, last: boolean): void {
    if (member.collecting !== id) return;
    member.slices.push(counts);
    if (!last) return;
    const [first = noCounts] = member.slices;
    member.counts = { ...first, clusters: member.slices.flatMap(({ clusters }) => clusters) };
    member.slices = [];
    member.collecting = 0;
    if (this.members.every(({ collecting }) => collecting === 0)) this.finishCollecting();
  }

  private finishCollecting(): void {
    this.options.clock.cancel(this.collectTimer);
    this.collecting?.resolve();
    this.collecting = null;
  }

  private write(member: Member, path: string, bytes: Uint8Array): void {
    this.options.sinks.write(path, bytes, {
      onWritten: (error) =>
        member.port.post({ kind: 'written', path, error: error === null ? null : error.message }),
    });
  }
}

/** Threads say the same of the same fault. */
export function distinct(issues: readonly Issue[]): readonly Issue[] {
  return [...new Map(issues.map((issue) => [formatIssue(issue), issue])).values()];
}

function issueOf(object: string, rule: string): Issue {
  return { object, field: '', rule, value: '' };
}
