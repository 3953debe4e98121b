// TLS of the simulated network, a stand-in that checks identities and hides nothing. It has TLS 1.3's order: the client
// judges the server, is done, and may send before the server has judged it. Records are real in form, so half of one
// can be under way and what reads ahead finds its server name; what they would encrypt lies in an object that both ends
// share.

import { assert } from '../../base/index.ts';
import type { Role } from './handshake.ts';
import { MemoryTlsContext } from './memory-context.ts';
import {
  dataRecord,
  encodeHello,
  encodeRecord,
  handshakeRecord,
  readHelloId,
  recordBytesMax,
  recordHeaderBytes,
} from './memory-hello.ts';
import { createLeaf, createPeerCertificate } from './peer-certificate.ts';
import type { SecureFacts, TlsClient, TlsRefusal, TlsServer, TlsVersion } from './types.ts';

/** What one handshake's two ends tell each other. */
interface Exchange {
  readonly client: TlsClient;
  readonly resumes: Uint8Array | null;
  server: TlsServer | null;
  alpn: string | null;
  version: string;
  resumed: boolean;
}

/** One a world: how a hello finds its exchange. */
export class MemoryTlsWorld {
  private readonly exchanges = new Map<number, Exchange>();
  /** Which server's context issued a session. */
  private readonly sessions = new Map<string, object>();
  private next = 1;

  add(exchange: Exchange): number {
    this.exchanges.set(this.next, exchange);
    return this.next++;
  }

  take(id: number): Exchange | null {
    const exchange = this.exchanges.get(id) ?? null;
    this.exchanges.delete(id);
    return exchange;
  }

  isSessionOf(session: Uint8Array | null, context: object): boolean {
    return session !== null && this.sessions.get(Buffer.from(session).toString()) === context;
  }

  issueSession(context: object): Uint8Array {
    const session = `session ${this.next++}`;
    this.sessions.set(session, context);
    return Buffer.from(session);
  }
}

/** What an end does with records: `send` goes on the wire, the rest to the connection's owner. */
export interface MemoryTlsOutput {
  send(bytes: Buffer): void;
  data(bytes: Buffer): void;
  secured(facts: SecureFacts): void;
  refused(refusal: TlsRefusal): void;
}

const versions: readonly TlsVersion[] = ['TLSv1.3', 'TLSv1.2', 'TLSv1.1', 'TLSv1'];

export class MemoryTls {
  private readonly role: Role;
  private readonly world: MemoryTlsWorld;
  private readonly output: MemoryTlsOutput;
  private readonly wallMs: () => number;
  private exchange: Exchange | null = null;
  private pending: Buffer = Buffer.alloc(0);
  private done = false;
  private failed = false;

  constructor(role: Role, world: MemoryTlsWorld, output: MemoryTlsOutput, wallMs: () => number) {
    this.role = role;
    this.world = world;
    this.output = output;
    this.wallMs = wallMs;
    contextOf(role.side === 'client' ? role.client : role.server);
    if (role.side === 'client') this.hello(role.client);
  }

  get secured(): boolean {
    return this.done;
  }

  feed(bytes: Buffer): void {
    this.pending = this.pending.length === 0 ? bytes : Buffer.concat([this.pending, bytes]);
    while (!this.failed && this.pending.length >= recordHeaderBytes) {
      const end = recordHeaderBytes + this.pending.readUInt16BE(3);
      if (this.pending.length < end) return;
      const record = this.pending.subarray(0, end);
      this.pending = this.pending.subarray(end);
      if (record[0] === dataRecord && this.done)
        this.output.data(Buffer.from(record.subarray(recordHeaderBytes)));
      else if (record[0] === handshakeRecord) this.step(record);
      else this.refuse({ reason: 'handshake', message: 'wrong version number' });
    }
  }

  /** The records that carry these bytes. */
  wrap(bytes: Buffer): Buffer {
    const records: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += recordBytesMax)
      records.push(encodeRecord(dataRecord, bytes.subarray(at, at + recordBytesMax)));
    return Buffer.concat(records);
  }

  private hello(client: TlsClient): void {
    const resumes = client.sessions?.take() ?? null;
    this.exchange = { client, resumes, server: null, alpn: null, version: '', resumed: false };
    this.output.send(encodeHello(this.world.add(this.exchange), client.serverName, client.alpn));
  }

  /** Server: hello, then the client's finish. Client: the server's answer. */
  private step(record: Buffer): void {
    if (this.role.side === 'client') this.answerCame(this.role.client);
    else if (this.exchange === null) this.helloCame(this.role.server, record);
    else this.finishCame(this.role.server, this.exchange);
  }

  private helloCame(server: TlsServer, record: Buffer): void {
    const exchange = this.world.take(readHelloId(record));
    if (exchange === null) {
      this.refuse({ reason: 'handshake', message: 'decode error' });
      return;
    }
    this.exchange = exchange;
    exchange.server = server;
    exchange.version = agreeVersion(exchange.client, server) ?? '';
    exchange.alpn = server.alpn.find((name) => exchange.client.alpn.includes(name)) ?? null;
    if (exchange.version === '') this.refuse({ reason: 'handshake', message: 'unsupported protocol' });
    else if (exchange.alpn === null && server.alpn.length > 0 && exchange.client.alpn.length > 0)
      this.refuse({ reason: 'handshake', message: 'no application protocol' });
    else {
      exchange.resumed =
        server.context.options.resumption && this.world.isSessionOf(exchange.resumes, server.context);
      this.output.send(encodeRecord(handshakeRecord, Buffer.of(2)));
    }
  }

  private answerCame(client: TlsClient): void {
    const server = this.exchange?.server ?? null;
    if (server === null || this.done) return;
    const facts = this.judge(client, contextOf(server).chain, client.serverName);
    if (facts === null) return;
    this.output.send(encodeRecord(handshakeRecord, Buffer.of(20)));
    this.done = true;
    if (server.context.options.resumption) client.sessions?.put(this.world.issueSession(server.context));
    this.output.secured(facts);
  }

  private finishCame(server: TlsServer, exchange: Exchange): void {
    if (this.done) return;
    const { peer } = server.context.options;
    const chain = peer === 'ignored' ? [] : contextOf(exchange.client).chain;
    if (peer === 'required' && chain.length === 0) {
      this.refuse({ reason: 'no-certificate', message: 'the peer showed no certificate' });
      return;
    }
    const facts = this.judge(server, chain, exchange.client.serverName);
    if (facts === null) return;
    this.done = true;
    this.output.secured(facts);
  }

  private judge(
    party: TlsClient | TlsServer,
    chain: MemoryTlsContext['chain'],
    serverName: string | null,
  ): SecureFacts | null {
    const context = contextOf(party);
    const peer = chain[0] === undefined ? null : createPeerCertificate(chain[0].raw);
    const found =
      context.options.trustedCa === null ? 'no trusted authority' : context.findFault(chain, this.wallMs());
    const fault = peer === null ? null : found;
    const refusal = party.judge.judge(peer, fault);
    if (refusal !== null) {
      this.refuse(refusal);
      return null;
    }
    const { version, alpn, resumed } = this.exchange ?? { version: '', alpn: null, resumed: false };
    const verified = peer !== null && fault === null;
    const expected = verified && party.judge.exacting;
    const local = createLeaf(context.options.certificateChain);
    return { version, cipher: 'none', alpn, serverName, resumed, peer, verified, expected, local };
  }

  private refuse(refusal: TlsRefusal): void {
    this.failed = true;
    this.output.refused(refusal);
  }
}

function agreeVersion(client: TlsClient, server: TlsServer): string | null {
  const index = (name: TlsVersion | null, otherwise: number) =>
    name === null ? otherwise : versions.indexOf(name);
  const [theirs, ours] = [client.context.options, server.context.options];
  // Without a minimum the engines begin at TLS 1.2.
  const newest = Math.max(index(theirs.versionMax, 0), index(ours.versionMax, 0));
  const oldest = Math.min(index(theirs.versionMin, 1), index(ours.versionMin, 1));
  return newest <= oldest ? (versions[newest] ?? null) : null;
}

function contextOf(party: TlsClient | TlsServer): MemoryTlsContext {
  assert(party.context instanceof MemoryTlsContext, 'a TLS context of another network');
  return party.context;
}
