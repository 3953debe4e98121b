// The contract of TLS over the Network seam as tests, run for every implementation: who may be on the other side is
// decided the same way by the real engine and by the simulated network's stand-in, and nothing is sent before.

import { afterEach, describe, expect, test } from 'bun:test';
import { lastingBytesMin, type MeshError } from '../base/index.ts';
import {
  type CertificateOptions,
  createAuthority,
  createSelfSigned,
  type TestCertificate,
} from '../testing/certificates.ts';
import type { Address, ConnectOptions, Listener, Network, Socket, SocketHandler } from './network.ts';
import type { PeerCertificate, PeerJudge, TlsContextOptions, TlsRefusal, TlsServer } from './tls/index.ts';

export interface TlsSuiteWorld {
  readonly network: Network;
  settle(done: () => boolean): Promise<void>;
}

const anyPort: Address = { kind: 'ip', host: '127.0.0.1', port: 0 };
const root = createAuthority('Root');
const middle = root.issue({ commonName: 'Middle', authority: true });
const other = createAuthority('Other');
const dayMs = 86_400_000;
const spiffe = (name: string) => `spiffe://bank/ns/bank/sa/${name}`;
const issued = (options: CertificateOptions) => middle.issue(options);
const serverCertificate = issued({ uri: [spiffe('ledger')], dns: ['ledger.bank'] });
const clientCertificate = issued({ uri: [spiffe('web')] });

const plain: TlsContextOptions = {
  side: 'client',
  certificateChain: null,
  privateKey: null,
  trustedCa: root.pem,
  crl: null,
  versionMin: null,
  versionMax: null,
  ciphers: null,
  curves: null,
  password: null,
  signatureAlgorithms: null,
  sessionSeconds: null,
  peer: 'ignored',
  resumption: true,
};

function shows(certificate: TestCertificate): Partial<TlsContextOptions> {
  return { certificateChain: certificate.chainPem, privateKey: certificate.keyPem };
}

/** Accepts a trusted chain whose URI name is `name`; null: any trusted chain, or none. */
class NameJudge implements PeerJudge {
  readonly exacting: boolean;
  seen: PeerCertificate | null = null;
  private readonly name: string | null;
  constructor(name: string | null) {
    this.name = name;
    this.exacting = name !== null;
  }
  judge(peer: PeerCertificate | null, fault: string | null): TlsRefusal | null {
    this.seen = peer;
    if (fault !== null) return { reason: 'chain', message: fault };
    if (this.name === null) return null;
    if (peer === null) return { reason: 'no-certificate', message: 'none was shown' };
    const named = peer.sans.some(({ kind, value }) => kind === 'uri' && value === this.name);
    return named ? null : { reason: 'san', message: 'another name' };
  }
}

class End implements SocketHandler {
  socket: Socket | null = null;
  readonly events: string[] = [];
  text = '';
  error: MeshError | null = null;
  react: Partial<SocketHandler> = {};
  onOpen(socket: Socket): void {
    this.socket = socket;
    this.events.push('open');
    this.react.onOpen?.(socket);
  }
  onSecure(socket: Socket): void {
    this.events.push('secure');
    this.react.onSecure?.(socket);
  }
  onData(socket: Socket, bytes: Uint8Array): void {
    this.text += Buffer.from(bytes).toString('latin1');
    this.react.onData?.(socket, bytes);
  }
  onDrain(): void {}
  onEnd(socket: Socket): void {
    this.events.push('end');
    socket.end();
  }
  onClose(_socket: Socket, error: MeshError | null): void {
    this.events.push('close');
    this.error = error;
  }
  get closed(): boolean {
    return this.events.includes('close');
  }
  get refusal(): TlsRefusal | null {
    return this.error?.code === 'tls-failed' ? (this.error.cause as TlsRefusal) : null;
  }
}

interface Setup {
  readonly server?: Partial<TlsContextOptions>;
  readonly serverJudge?: PeerJudge;
  readonly serverAlpn?: readonly string[];
  readonly client?: Partial<TlsContextOptions>;
  readonly clientJudge?: PeerJudge;
  readonly clientAlpn?: readonly string[];
  readonly serverName?: string | null;
  readonly sessions?: { take(): Uint8Array | null; put(session: Uint8Array): void };
}

export function runTlsSuite(name: string, create: () => TlsSuiteWorld): void {
  describe(`TLS contract: ${name}`, () => {
    const listeners: Listener[] = [];
    const ends: End[] = [];
    afterEach(() => {
      for (const listener of listeners.splice(0)) listener.close();
      for (const end of ends.splice(0)) end.socket?.reset();
    });

    function context(network: Network, options: Partial<TlsContextOptions>) {
      const made = network.createTlsContext({ ...plain, ...options });
      if (!made.ok) throw new Error(made.error);
      return made.value;
    }

    /** A listener that starts TLS with a connection's first bytes, and echoes inside of it. */
    function serve(network: Network, tls: TlsServer): { address: Address; server: End } {
      const server = new End();
      ends.push(server);
      const session: SocketHandler = {
        onOpen() {},
        onSecure: (socket) => server.onSecure(socket),
        onData: (socket, bytes) => server.onData(socket, bytes),
        onDrain() {},
        onEnd: (socket) => server.onEnd(socket),
        onClose: (socket, error) => server.onClose(socket, error),
      };
      server.react = { onData: (socket, bytes) => void socket.write(bytes, 0, bytes.length) };
      const listener = network.listen({
        address: anyPort,
        accept: () => ({
          ...session,
          onOpen: (socket) => server.onOpen(socket),
          onData(socket, bytes) {
            socket.setHandler(session);
            socket.startTlsServer(tls, bytes);
          },
        }),
      });
      listeners.push(listener);
      return { address: listener.address, server };
    }

    function start(setup: Setup = {}) {
      const world = create();
      const { network } = world;
      const tls: TlsServer = {
        context: context(network, { side: 'server', ...shows(serverCertificate), ...setup.server }),
        alpn: setup.serverAlpn ?? [],
        judge: setup.serverJudge ?? new NameJudge(null),
      };
      const { address, server } = serve(network, tls);
      const options: ConnectOptions = {
        tls: {
          context: context(network, { ...shows(clientCertificate), ...setup.client }),
          alpn: setup.clientAlpn ?? [],
          serverName: setup.serverName === undefined ? 'ledger.bank' : setup.serverName,
          judge: setup.clientJudge ?? new NameJudge(spiffe('ledger')),
          sessions: setup.sessions ?? null,
        },
      };
      const dial = () => {
        const client = new End();
        ends.push(client);
        return { client, socket: network.connect(address, client, options) };
      };
      return { world, server, dial, options };
    }

    test('both sides are proven, and what was agreed is told', async () => {
      const { world, server, dial } = start({
        server: { peer: 'required' },
        serverJudge: new NameJudge(spiffe('web')),
        serverAlpn: ['h2', 'http/1.1'],
        clientAlpn: ['http/1.1', 'h2'],
      });
      const { client, socket } = dial();
      socket.writeLatin1('early ');
      await world.settle(() => client.text === 'early ');
      socket.writeLatin1('late');
      await world.settle(() => client.text === 'early late');
      expect(client.events).toEqual(['open']);
      expect(server.events).toEqual(['open', 'secure']);
      const [near, far] = [client.socket!.secure!, server.socket!.secure!];
      expect([near.version, near.alpn, near.resumed, near.verified]).toEqual(['TLSv1.3', 'h2', false, true]);
      expect([far.serverName, far.alpn, far.verified]).toEqual(['ledger.bank', 'h2', true]);
      expect([near.expected, far.expected]).toEqual([true, true]);
      expect([near.local?.sha256, far.local?.sha256]).toEqual([
        clientCertificate.sha256,
        serverCertificate.sha256,
      ]);
      expect(far.peer?.sans).toEqual([{ kind: 'uri', value: spiffe('web') }]);
      expect(near.peer?.sha256).toBe(serverCertificate.sha256);
      expect(far.peer?.spkiSha256).toBe(clientCertificate.spkiSha256);
      expect(far.peer?.pem).toBe(clientCertificate.pem);
    });

    test('ends in order on both sides', async () => {
      const { world, server, dial } = start();
      const { client, socket } = dial();
      socket.writeLatin1('x'.repeat(100_000));
      socket.end();
      await world.settle(() => client.closed && server.closed);
      expect(client.text.length).toBe(100_000);
      expect([client.error, server.error]).toEqual([null, null]);
      expect(server.events).toEqual(['open', 'secure', 'end', 'close']);
    });

    test('a slow reader holds the writer back, and nothing is lost or changed', async () => {
      const { world, server, dial } = start();
      const { client, socket } = dial();
      await world.settle(() => server.events.includes('secure'));
      server.react = {};
      server.socket!.pause();
      const block = Buffer.from(Array.from({ length: 100_000 }, (_, at) => at % 251));
      let sent = 0;
      for (let more = true; more; sent += block.length) more = socket.write(block, 0, block.length);
      await world.settle(() => true);
      expect(socket.queuedBytes).toBeGreaterThan(0);
      expect(server.text).toBe('');
      server.socket!.resume();
      await world.settle(() => server.text.length === sent);
      expect(server.text === block.toString('latin1').repeat(sent / block.length)).toBe(true);
      expect(client.events).toEqual(['open']);
    });

    test('a large read stays as it is, whatever is read after it', async () => {
      const { world, server, dial } = start();
      const { client, socket } = dial();
      const reads: { readonly shown: Uint8Array; readonly copy: Buffer }[] = [];
      client.react = {
        onData(_socket, bytes) {
          if (bytes.length >= lastingBytesMin) reads.push({ shown: bytes, copy: Buffer.from(bytes) });
        },
      };
      await world.settle(() => server.events.includes('secure'));
      for (let round = 1; round <= 40; round++) socket.write(Buffer.alloc(30_000, round), 0, 30_000);
      await world.settle(() => client.text.length === 40 * 30_000);
      expect(reads.length).toBeGreaterThan(2);
      for (const { shown, copy } of reads) expect(copy.equals(shown)).toBe(true);
    });

    const badServers: readonly (readonly [name: string, setup: Setup, reason: string, message: RegExp])[] = [
      [
        'another authority',
        { server: shows(other.issue({ uri: [spiffe('ledger')] })) },
        'chain',
        /UNABLE_TO/,
      ],
      [
        'expired',
        { server: shows(issued({ uri: [spiffe('ledger')], notAfterMs: Date.now() - dayMs / 2 })) },
        'chain',
        /CERT_HAS_EXPIRED/,
      ],
      [
        'not yet valid',
        { server: shows(issued({ uri: [spiffe('ledger')], notBeforeMs: Date.now() + dayMs / 2 })) },
        'chain',
        /CERT_NOT_YET_VALID/,
      ],
      [
        'self-signed',
        { server: shows(createSelfSigned({ uri: [spiffe('ledger')] })) },
        'chain',
        /SELF_SIGNED/,
      ],
      ['another SPIFFE name', { server: shows(issued({ uri: [spiffe('web')] })) }, 'san', /another name/],
      [
        'a name that only contains the right one',
        { server: shows(issued({ dns: [`x, URI:${spiffe('ledger')}`], uri: [`${spiffe('ledger')}er`] })) },
        'san',
        /another name/,
      ],
      ['no authority to trust', { client: { trustedCa: null } }, 'chain', /no trusted authority/],
    ];
    for (const [what, setup, reason, message] of badServers) {
      test(`a server is refused: ${what}`, async () => {
        const { world, server, dial } = start(setup);
        const { client, socket } = dial();
        socket.writeLatin1('secret');
        await world.settle(() => client.closed && server.closed);
        expect(client.events).toEqual(['close']);
        expect(client.refusal?.message).toMatch(message);
        expect(client.refusal?.reason).toBe(reason as TlsRefusal['reason']);
        expect([client.error?.source, client.error?.retry]).toEqual(['upstream', 'yes']);
        expect(server.text).toBe('');
      });
    }

    const badClients: readonly (readonly [
      name: string,
      client: Partial<TlsContextOptions>,
      reason: string,
    ])[] = [
      ['no certificate', { certificateChain: null, privateKey: null }, 'no-certificate'],
      ['another authority', shows(other.issue({ uri: [spiffe('web')] })), 'chain'],
      ['self-signed', shows(createSelfSigned({ uri: [spiffe('web')] })), 'chain'],
      ['expired', shows(issued({ uri: [spiffe('web')], notAfterMs: Date.now() - dayMs / 2 })), 'chain'],
      [
        'not yet valid',
        shows(issued({ uri: [spiffe('web')], notBeforeMs: Date.now() + dayMs / 2 })),
        'chain',
      ],
      ['another SPIFFE name', shows(issued({ uri: [spiffe('admin')] })), 'san'],
    ];
    for (const peer of ['required', 'asked'] as const) {
      for (const [what, client, reason] of badClients) {
        test(`a client is refused where one is ${peer}: ${what}`, async () => {
          const judge = new NameJudge(spiffe('web'));
          const { world, server, dial } = start({ client, server: { peer }, serverJudge: judge });
          const { client: end, socket } = dial();
          socket.writeLatin1('request');
          await world.settle(() => end.closed && server.closed);
          expect(server.events).toEqual(['open', 'close']);
          expect(server.refusal?.reason).toBe(reason as TlsRefusal['reason']);
          expect(server.error?.source).toBe('downstream');
          expect(server.text).toBe('');
          expect(end.error).not.toBeNull();
        });
      }
    }

    test('a client without a certificate may be welcome', async () => {
      const { world, server, dial } = start({
        client: { certificateChain: null, privateKey: null },
        server: { peer: 'asked' },
      });
      const { client, socket } = dial();
      socket.writeLatin1('hi');
      await world.settle(() => client.text === 'hi');
      expect([server.socket?.secure?.peer, server.socket?.secure?.verified]).toEqual([null, false]);
    });

    test('without anything in common there is no connection', async () => {
      const rows: readonly (readonly [Setup, RegExp])[] = [
        [{ server: { versionMin: 'TLSv1.3' }, client: { versionMax: 'TLSv1.2' } }, /unsupported protocol/],
        [
          { server: { versionMin: 'TLSv1.2' }, client: { versionMin: 'TLSv1', versionMax: 'TLSv1.1' } },
          /unsupported protocol/,
        ],
        [{ serverAlpn: ['h2'], clientAlpn: ['http/1.1'] }, /no application protocol/],
      ];
      for (const [setup, message] of rows) {
        const { world, server, dial } = start(setup);
        const { client } = dial();
        await world.settle(() => client.closed && server.closed);
        expect([client.events, server.events]).toEqual([['close'], ['open', 'close']]);
        expect(server.refusal?.message).toMatch(message);
        expect(client.refusal?.reason).toBe('handshake');
      }
    });

    test('a session is resumed, keeps who the client was, and only where it was issued', async () => {
      const kept: Uint8Array[] = [];
      const sessions = {
        take: () => kept.at(-1) ?? null,
        put: (session: Uint8Array) => void kept.push(session),
      };
      const judge = new NameJudge(spiffe('web'));
      const { world, server, dial } = start({ sessions, server: { peer: 'required' }, serverJudge: judge });
      const talk = async () => {
        const { client, socket } = dial();
        socket.writeLatin1('x');
        await world.settle(() => client.text === 'x' && kept.length > 0);
        return client.socket!.secure!.resumed;
      };
      expect(await talk()).toBe(false);
      expect(await talk()).toBe(true);
      expect(server.socket?.secure?.resumed).toBe(true);
      expect(server.socket?.secure?.peer?.sans).toEqual([{ kind: 'uri', value: spiffe('web') }]);
      const elsewhere = start({ sessions, server: { peer: 'required' }, serverJudge: judge });
      const { client, socket } = elsewhere.dial();
      socket.writeLatin1('x');
      await elsewhere.world.settle(() => client.text === 'x');
      expect(client.socket!.secure!.resumed).toBe(false);
    });

    test('without resumption every handshake is whole', async () => {
      const kept: Uint8Array[] = [];
      const sessions = {
        take: () => kept.at(-1) ?? null,
        put: (session: Uint8Array) => void kept.push(session),
      };
      const { world, dial } = start({ sessions, server: { resumption: false } });
      for (let round = 0; round < 2; round++) {
        const { client, socket } = dial();
        socket.writeLatin1('x');
        await world.settle(() => client.text === 'x');
        expect(client.socket!.secure!.resumed).toBe(false);
      }
    });

    test('of many that come together each is served', async () => {
      const { world, dial } = start({
        server: { peer: 'required' },
        serverJudge: new NameJudge(spiffe('web')),
      });
      const clients = Array.from({ length: 60 }, (_, at) => {
        const { client, socket } = dial();
        // Some leave before it is their turn.
        if (at % 7 === 3) socket.reset();
        else socket.writeLatin1(`hello ${at}`);
        return { client, expected: at % 7 === 3 ? '' : `hello ${at}` };
      });
      await world.settle(() =>
        clients.every(({ client, expected }) => client.closed || client.text === expected),
      );
      await world.settle(() => clients.every(({ client, expected }) => expected !== '' || client.closed));
      expect(clients.map(({ client }) => client.text)).toEqual(clients.map(({ expected }) => expected));
    });

    test('a client may speak in the clear first', async () => {
      const { world, options } = start();
      const { network } = world;
      let clear = '';
      const server = new End();
      const tls: TlsServer = {
        context: context(network, { side: 'server', ...shows(serverCertificate) }),
        alpn: [],
        judge: new NameJudge(null),
      };
      server.react = {
        onData(socket, bytes) {
          if (socket.secure !== null) return;
          const before = clear.length;
          clear += Buffer.from(bytes).toString('latin1');
          const end = clear.indexOf('\r\n') + 2;
          if (end < 2) return;
          clear = clear.slice(0, end);
          socket.startTlsServer(tls, bytes.subarray(end - before));
        },
      };
      const listener = network.listen({ address: anyPort, accept: () => server });
      listeners.push(listener);
      const client = new End();
      ends.push(server, client);
      client.react = {
        onOpen(socket) {
          socket.writeLatin1('PROXY UNKNOWN\r\n');
          socket.startTlsClient(options.tls!);
          socket.writeLatin1('inside');
        },
      };
      network.connect(listener.address, client);
      await world.settle(() => server.text.endsWith('inside'));
      expect(clear).toBe('PROXY UNKNOWN\r\n');
      expect(client.events).toEqual(['open', 'secure']);
      expect(client.socket!.secure?.peer?.sha256).toBe(serverCertificate.sha256);
    });

    test('what is no TLS, or ends within, fails the handshake', async () => {
      for (const first of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x00\x05']) {
        const { world, server } = start();
        const client = new End();
        ends.push(client);
        const address = listeners.at(-1)!.address;
        client.react = {
          onOpen(socket) {
            socket.writeLatin1(first);
            socket.end();
          },
        };
        world.network.connect(address, client);
        await world.settle(() => server.closed);
        expect(server.refusal?.reason).toBe('handshake');
        expect(server.events).toEqual(['open', 'close']);
      }
    });

    test('a connect that is refused is refused, not a failed handshake', async () => {
      const { world, dial } = start();
      listeners.at(-1)!.close();
      const { client } = dial();
      await world.settle(() => client.closed);
      expect([client.events, client.error?.code]).toEqual([['close'], 'connect-refused']);
    });

    test('a reset during the handshake closes once', async () => {
      const { world, dial } = start();
      const { client, socket } = dial();
      socket.reset();
      await world.settle(() => client.closed);
      expect([client.events, client.error?.code]).toEqual([['close'], 'cancelled']);
    });

    test('faulty material is told when the context is made', () => {
      const { network } = create();
      const rows: readonly (readonly [Partial<TlsContextOptions>, RegExp])[] = [
        [{ ...shows(serverCertificate), privateKey: clientCertificate.keyPem }, /key does not belong/],
        [{ ...shows(serverCertificate), certificateChain: 'x' }, /no PEM block/],
        [{ ...shows(serverCertificate), privateKey: 'x' }, /no PEM block/],
        [{ trustedCa: 'x' }, /no PEM block/],
      ];
      for (const [options, message] of rows) {
        const made = network.createTlsContext({ ...plain, ...options });
        expect(made.ok ? '' : made.error).toMatch(message);
      }
    });
  });
}
