// All TLS of a proxy: one slot a context of the configuration, the secrets that they name, and what the data path asks
// of them when a connection begins.

import type { Log } from '../../base/index.ts';
import type { Network, Store, TlsClient, TlsServer } from '../../net/index.ts';
import type { ClientHello } from '../../wire/tls-sniff/index.ts';
import type {
  DownstreamTlsConfig,
  SecretConfig,
  TextSource,
  UpstreamTlsConfig,
} from '../config/tls-types.ts';
import { chooseCertificate, describeShown, type Shown } from './choose-certificate.ts';
import { FileTexts } from './file-texts.ts';
import { ServerParameters } from './server-parameters.ts';
import { KeptSessions } from './sessions.ts';
import { type SlotWorld, type TlsMaterial, TlsSlot } from './tls-slot.ts';

/** The server's side of a filter chain. */
export interface TlsServerSlot {
  /** For a connection that begins now; null refuses it, `issue` says why. */
  choose(hello: ClientHello): TlsServer | null;
  readonly issue: string;
  readonly requireSni: boolean;
}

/** What a request says instead of the configuration; null: nothing. */
export interface NameWish {
  readonly serverName: string | null;
  readonly expected: string | null;
}

/** The client's side of a cluster. */
export interface TlsClientSlot {
  /** For a connection that begins now to the endpoint of that name, '' of those without; null: there is none yet. */
  clientFor(hostname: string, wish?: NameWish | null): TlsClient | null;
  readonly issue: string;
}

export interface TlsRuntimeOptions {
  readonly network: Network;
  readonly store: Store | null;
  readonly log: Log;
}

/** What a slot's material is worth to whoever lists certificates. */
export interface CertificateTexts {
  readonly config: DownstreamTlsConfig | UpstreamTlsConfig;
  readonly certificateChain: string | null;
  readonly trustedCa: string | null;
  /** Of the files that they were read from; '' for none. */
  readonly paths: { readonly certificateChain: string; readonly trustedCa: string };
}

/** Why; and whether there is other material to go on with. */
export interface TlsFault {
  readonly issue: string;
  readonly usable: boolean;
}

export class TlsRuntime implements SlotWorld {
  readonly network: Network;
  readonly log: Log;
  readonly files: FileTexts;
  private secrets: ReadonlyMap<string, SecretConfig> = new Map();
  private readonly servers = new Map<DownstreamTlsConfig, ServerSlot>();
  private readonly clients = new Map<UpstreamTlsConfig, ClientSlot>();
  private readonly pinned = new Set<DownstreamTlsConfig | UpstreamTlsConfig>();

  constructor({ network, store, log }: TlsRuntimeOptions) {
    this.network = network;
    this.log = log;
    this.files = new FileTexts(store ?? noStore, log);
  }

  secretOf(name: string): SecretConfig | null {
    return this.secrets.get(name) ?? null;
  }

  setSecrets(secrets: ReadonlyMap<string, SecretConfig>): void {
    if (secrets === this.secrets) return;
    this.secrets = secrets;
    for (const { slots } of [...this.servers.values(), ...this.clients.values()])
      for (const slot of slots) slot.refresh();
  }

  /** The same slot for the same configuration object, which keeps its identity while it does not change. */
  server(config: DownstreamTlsConfig): TlsServerSlot {
    let slot = this.servers.get(config);
    if (slot === undefined) {
      slot = new ServerSlot(this, config);
      this.servers.set(config, slot);
    }
    return slot;
  }

  client(config: UpstreamTlsConfig): TlsClientSlot {
    let slot = this.clients.get(config);
    if (slot === undefined) {
      slot = new ClientSlot(this, config);
      this.clients.set(config, slot);
    }
    return slot;
  }

  /** The same for whoever stands outside of the configuration: it is not forgotten. */
  pin(config: UpstreamTlsConfig): TlsClientSlot {
    this.pinned.add(config);
    return this.client(config);
  }

  /**
   * Forgets what the configuration no longer holds; open connections keep their contexts. Those of listeners are made
   * now, those of clusters with their first connection: a context takes 3 ms, and most clusters of a large mesh are
   * never called. Their files are read now: who calls first does not wait for them, and would be refused.
   */
  retain(used: ReadonlySet<DownstreamTlsConfig | UpstreamTlsConfig>): void {
    for (const config of used) {
      if (config.side === 'server') this.server(config);
      else if (!this.clients.has(config) && this.readsFiles(config))
        this.clients.set(config, new ClientSlot(this, config, true));
    }
    for (const slots of [this.servers, this.clients] as Map<
      DownstreamTlsConfig | UpstreamTlsConfig,
      { slots: readonly TlsSlot[] }
    >[]) {
      for (const [config, { slots: own }] of slots) {
        if (used.has(config) || this.pinned.has(config)) continue;
        for (const slot of own) slot.close();
        slots.delete(config);
      }
    }
  }

  private readsFiles({ certificate, validation }: UpstreamTlsConfig): boolean {
    return [certificate, validation].some((ref) => {
      if (ref.kind === 'none' || ref.kind === 'file') return ref.kind === 'file';
      const value = ref.kind === 'named' ? (this.secretOf(ref.name)?.value ?? {}) : ref.value;
      return Object.values(value).some((source: unknown) => (source as TextSource | null)?.kind === 'file');
    });
  }

  certificates(): readonly CertificateTexts[] {
    const slots = [...this.servers.values(), ...this.clients.values()].flatMap((one) => one.slots);
    return slots.flatMap(({ config, material }) => {
      if (material === null) return [];
      const { certificateChain, trustedCa, paths } = material;
      return [{ config, certificateChain, trustedCa, paths }];
    });
  }

  /** Of those that are in use, whose newest material is not in force. */
  faults(): ReadonlyMap<DownstreamTlsConfig | UpstreamTlsConfig, TlsFault> {
    const faults = new Map<DownstreamTlsConfig | UpstreamTlsConfig, TlsFault>();
    for (const slots of [this.servers, this.clients])
      for (const [config, { issue, slots: own }] of slots)
        if (issue !== '')
          faults.set(config, { issue, usable: own.some(({ material }) => material !== null) });
    return faults;
  }

  stop(): void {
    this.files.stop();
  }
}

class ServerSlot implements TlsServerSlot {
  /** One for each certificate; all have the same trust and parameters. */
  readonly slots: readonly TlsSlot[];
  readonly requireSni: boolean;
  private readonly config: DownstreamTlsConfig;
  private usable: readonly ShownServer[] = [];
  private readonly parameters: ServerParameters;

  constructor(world: SlotWorld, config: DownstreamTlsConfig) {
    this.config = config;
    this.requireSni = config.requireSni;
    this.parameters = new ServerParameters(config);
    const certificates = [config.certificate, ...config.furtherCertificates];
    this.slots = certificates.map((certificate) => {
      const own = certificates.length === 1 ? config : { ...config, certificate, furtherCertificates: [] };
      return new TlsSlot(world, own, () => this.renew());
    });
    for (const slot of this.slots) slot.refresh();
  }

  get issue(): string {
    return this.slots.find(({ issue }) => issue !== '')?.issue ?? '';
  }

  choose(hello: ClientHello): TlsServer | null {
    const shown = this.chooseShown(hello);
    if (shown === null) return null;
    // As Envoy: who offers nothing that is spoken here is served as if it had offered nothing at all.
    const { alpn } = this.config;
    const agrees =
      alpn.length === 0 || hello.alpn.length === 0 || hello.alpn.some((one) => alpn.includes(one));
    return agrees ? shown.server : shown.unagreed;
  }

  private chooseShown(hello: ClientHello): ShownServer | null {
    const { usable } = this;
    if (usable.length === 1) return usable[0]!;
    const ecdsa = hello.ecdsa && this.parameters.speaksEcdsa(hello);
    return chooseCertificate(usable, { ...hello, ecdsa }, this.config.scansAll);
  }

  private renew(): void {
    this.usable = this.slots.flatMap(({ material }) => {
      if (material === null) return [];
      const server = { context: material.context, alpn: this.config.alpn, judge: material.judge };
      const unagreed = { ...server, alpn: [] };
      return [{ ...describeShown(material.certificateChain ?? ''), server, unagreed }];
    });
  }
}

interface ShownServer extends Shown {
  readonly server: TlsServer;
  /** Without a protocol of the application. */
  readonly unagreed: TlsServer;
}

class ClientSlot implements TlsClientSlot {
  readonly slots: readonly TlsSlot[];
  private readonly slot: TlsSlot;
  private readonly config: UpstreamTlsConfig;
  /** By the names that are sent and expected; of the material in use. */
  private readonly clients = new Map<string, TlsClient>();

  constructor(world: SlotWorld, config: UpstreamTlsConfig, asleep = false) {
    this.config = config;
    if (config.validation.kind === 'none')
      world.log.write('warn', 'TLS without validation_context: any server is believed', { sni: config.sni });
    this.slot = new TlsSlot(world, config, () => this.renew());
    this.slots = [this.slot];
    if (asleep) this.slot.sleep();
    else this.slot.refresh();
  }

  get issue(): string {
    return this.slot.issue;
  }

  clientFor(hostname: string, wish: NameWish | null = null): TlsClient | null {
    const { sni, sniIsExpected, sniIsHost } = this.config;
    const name = wish?.serverName ?? (sniIsHost && hostname !== '' ? hostname : sni);
    const expected = wish?.expected ?? (sniIsExpected ? name : '');
    const key = `${name} ${expected}`;
    const known = this.clients.get(key);
    if (known !== undefined) return known;
    this.slot.wake();
    const { material } = this.slot;
    if (material === null) return null;
    if (this.clients.size >= namesMax) this.clients.clear();
    const client = this.create(material, name, expected);
    this.clients.set(key, client);
    return client;
  }

  private create(material: TlsMaterial, name: string, expected: string): TlsClient {
    const { alpn, sessionsMax } = this.config;
    return {
      context: material.context,
      alpn,
      serverName: name === '' ? null : name,
      judge: expected === '' ? material.judge : material.judgeOf(expected),
      // Each name has its own: what one has proven is nothing to another.
      sessions: sessionsMax === 0 ? null : new KeptSessions(sessionsMax),
    };
  }

  /** Sessions of the context before would not be taken, and their peers were judged by its rule. */
  private renew(): void {
    this.clients.clear();
  }
}

/** A cluster has no more endpoints with names than this, or they do not resume. */
const namesMax = 4_096;

/** Where there are no files, in a test without any. */
const noStore: Store = {
  read: () => Promise.resolve(null),
  readTogether: (paths) => Promise.resolve(paths.map(() => null)),
  write: () => Promise.resolve(),
  append: () => Promise.resolve(),
  remove: () => Promise.resolve(),
  isOpenForWriting: () => Promise.resolve(false),
  list: () => Promise.resolve([]),
  watch: () => () => {},
  watchFile: () => () => {},
};
