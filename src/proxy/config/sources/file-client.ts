// Resources of a file, read again when it changes. What is wrong with the file leaves in force what it said before; a
// resource at fault leaves the others alone, as with a stream.

import { type Clock, formatIssue, type Log, MeshError } from '../../../base/index.ts';
import type { Store } from '../../../net/index.ts';
import { type AdsClientStatus, typeUrls, type XdsResource, type XdsUpdate } from '../../../xds/index.ts';
import { configLimits } from '../limits.ts';
import { type DiscoveryFile, parseDiscoveryFile } from './discovery-file.ts';
import type { AdsSubscriptions } from './sources.ts';

export interface FileClientOptions {
  readonly path: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Takes an update in; what it says is logged, for nobody else waits for it. */
  readonly subscriber: { onUpdate(update: XdsUpdate): unknown };
}

/** What is missing of these types in a file is gone. */
const completeTypes: ReadonlySet<string> = new Set([typeUrls.listener, typeUrls.cluster]);

export class FileClient implements AdsSubscriptions {
  private readonly options: FileClientOptions;
  private typeUrl = '';
  private names: ReadonlySet<string> | '*' = new Set();
  /** Versions of what was handed on, by name. */
  private readonly held = new Map<string, string>();
  private version = '';
  private fault: string | null = null;
  private acceptedAtMs = -1;
  private stopWatch: (() => void) | null = null;
  private resources: readonly XdsResource[] = [];
  /** An empty file is an answer, once. */
  private told = false;
  /** Reads overlap when changes come fast: the newest counts. */
  private reads = 0;

  constructor(options: FileClientOptions) {
    this.options = options;
  }

  /** Of one type: its source is asked for a type by a client of its own. */
  subscribe(typeUrl: string, names: readonly string[] | '*'): void {
    this.typeUrl = typeUrl;
    this.names = names === '*' ? '*' : new Set(names);
    for (const name of this.held.keys()) if (!this.wants(name)) this.held.delete(name);
    // Not from inside: whoever subscribes may be putting something into force.
    if (this.version !== '') void Promise.resolve().then(() => this.handOn());
  }

  start(): void {
    const { store, path } = this.options;
    this.stopWatch = store.watchFile(path, { onChange: () => void this.read() });
    void this.read();
  }

  stop(): void {
    this.stopWatch?.();
    this.stopWatch = null;
  }

  status(): AdsClientStatus {
    const nowMs = this.options.clock.now();
    const missing = this.names === '*' ? 0 : [...this.names].filter((name) => !this.held.has(name)).length;
    const type = {
      typeUrl: this.typeUrl,
      subscribed: this.names === '*' ? ('*' as const) : this.names.size,
      known: this.held.size,
      missing,
      version: this.version,
      nonce: '',
      nack: this.fault,
      ageMs: this.acceptedAtMs < 0 ? -1 : nowMs - this.acceptedAtMs,
    };
    const state = this.version === '' ? 'connecting' : 'connected';
    return { state, attempts: 0, connectedMs: -1, lastError: this.fault ?? '', types: [type] };
  }

  private async read(): Promise<void> {
    this.reads += 1;
    const turn = this.reads;
    const found = await this.load();
    if (this.stopWatch === null || turn !== this.reads) return;
    if (typeof found === 'string') {
      const news = found !== this.fault;
      this.fault = found;
      if (news) this.tellFault();
      return;
    }
    this.fault = this.foreignFault(found);
    if (this.fault !== null) this.tellFault();
    this.resources = found.resources;
    this.version = found.version;
    this.acceptedAtMs = this.options.clock.now();
    this.handOn();
  }

  /** Of another type: nothing of it is taken, and the rest is. */
  private foreignFault({ resources }: DiscoveryFile): string | null {
    const foreign = resources.find(({ typeUrl }) => typeUrl !== this.typeUrl);
    if (foreign === undefined) return null;
    const rule = `must be a ${this.typeUrl}`;
    return formatIssue({ object: foreign.name, field: '@type', rule, value: foreign.typeUrl });
  }

  private tellFault(): void {
    const { log, path } = this.options;
    log.write('warn', 'resource file not taken', { path, fault: this.fault });
  }

  /** What the file says, or why it cannot be told. */
  private async load(): Promise<DiscoveryFile | string> {
    const { store, path } = this.options;
    try {
      const bytes = await store.read(path);
      if (bytes === null) return 'does not exist';
      if (bytes.length > configLimits.fileBytesMax) return `has more than ${configLimits.fileBytesMax} bytes`;
      const parsed = parseDiscoveryFile(path, bytes);
      return parsed.ok ? parsed.value : parsed.error;
    } catch (error) {
      return error instanceof MeshError ? error.message : String(error);
    }
  }

  private handOn(): void {
    if (this.stopWatch === null) return;
    const { typeUrl, version } = this;
    const changed = this.resources.filter(
      (one) => one.typeUrl === typeUrl && this.wants(one.name) && this.held.get(one.name) !== one.version,
    );
    const present = new Set(this.resources.map(({ name }) => name));
    const removed = completeTypes.has(typeUrl)
      ? [...this.held.keys()].filter((name) => !present.has(name))
      : [];
    for (const one of changed) this.held.set(one.name, one.version);
    for (const name of removed) this.held.delete(name);
    if (changed.length === 0 && removed.length === 0 && this.told) return;
    this.told = true;
    void this.options.subscriber.onUpdate({ typeUrl, version, changed, removed });
  }

  private wants(name: string): boolean {
    return this.names === '*' || this.names.has(name);
  }
}
