// The control plane's certificate on real sockets, against OpenSSL: it changes under open streams, and those who begin
// a handshake and leave it cost little and keep nobody out.

import { afterEach, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MeshError, ok, silentLog } from '../../base/index.ts';
import {
  createBunNetwork,
  createFileStore,
  createSystemClock,
  type PeerJudge,
  type TlsClient,
} from '../../net/index.ts';
import { createAuthority as createClientAuthority } from '../../testing/certificates.ts';
import { describeWith, run } from '../../testing/programs.ts';
import { InVain, until } from '../../testing/until.ts';
import {
  AdsServer,
  type AdsStreamHandler,
  type CallerProof,
  createGrpcAdsTransport,
  type GrpcAdsListener,
  type ShownCredentials,
  serveGrpcAds,
} from '../../xds/index.ts';
import { createAuthority, issueServer } from './certificates.ts';
import { followIdentityFiles } from './identity-files.ts';
import { ServerIdentity } from './server-identity.ts';

setDefaultTimeout(30_000);

const [network, clock] = [createBunNetwork(), createSystemClock()];
const name = 'weft-control.weft-system.svc';
const unprovenMax = 1_024;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Believes everybody, and says what they showed. */
class Witness implements CallerProof {
  readonly shown: ShownCredentials[] = [];
  prove(shown: ShownCredentials) {
    this.shown.push(shown);
    return ok({ name: 'somebody', subjectOf: () => '', introduce: ok });
  }
}

class Stream implements AdsStreamHandler {
  closedBy: MeshError | null | undefined = undefined;
  /** For what waits for it to be served. */
  get isOpen(): true {
    if (this.closedBy !== undefined) throw new InVain('it was closed', { cause: this.closedBy });
    return true;
  }
  onMessage(): void {}
  onWritable(): void {}
  onClose(error: MeshError | null): void {
    this.closedBy = error;
  }
}

function serve(identity: ServerIdentity) {
  const source = { current: () => null, watch: () => () => {} };
  const server = new AdsServer({ clock, log: silentLog, snapshotFor: () => source });
  const proof = new Witness();
  const address = { kind: 'ip', host: '127.0.0.1', port: 0 } as const;
  const listener = serveGrpcAds({ network, clock, server, address, tls: identity.current, proof });
  cleanups.push(() => listener.close(50));
  return { listener, server, proof, port: listener.address.kind === 'ip' ? listener.address.port : 0 };
}

function createIdentity(): ServerIdentity {
  const identity = new ServerIdentity({ network, clock, log: silentLog, names: [name] });
  cleanups.push(() => identity.stop());
  return identity;
}

function authorityOf(nowMs = Date.now()) {
  const current = createAuthority(nowMs);
  return { current, next: null, roots: current.certificate };
}

const judge: PeerJudge = {
  exacting: false,
  judge: (_peer, fault) => (fault === null ? null : { reason: 'chain', message: fault }),
};

function clientOf(
  roots: string,
  pair: { readonly pem: string; readonly keyPem: string } | null = null,
): TlsClient {
  const context = network.createTlsContext({
    side: 'client',
    certificateChain: pair?.pem ?? null,
    privateKey: pair?.keyPem ?? null,
    password: null,
    trustedCa: roots,
    crl: null,
    versionMin: null,
    versionMax: null,
    ciphers: null,
    curves: null,
    signatureAlgorithms: null,
    peer: 'required',
    resumption: false,
    sessionSeconds: null,
  });
  if (!context.ok) throw new Error(context.error);
  return { context: context.value, alpn: ['h2'], serverName: name, judge, sessions: null };
}

function open(listener: GrpcAdsListener, tls: TlsClient): Stream {
  const stream = new Stream();
  const transport = createGrpcAdsTransport({
    network,
    clock,
    address: listener.address,
    connect: () => ({ tls }),
  });
  cleanups.push(() => transport.close());
  transport.open('delta', stream);
  return stream;
}

describeWith(['openssl'], 'the certificate of xDS', () => {
  test('another authority signs: open streams stay, and the next connection meets the new certificate', async () => {
    const identity = createIdentity();
    const [first, second] = [authorityOf(), authorityOf()];
    identity.useAuthority(first);
    const { listener, server, port } = serve(identity);
    const before = open(listener, clientOf(first.roots));
    await until('a stream', () => before.isOpen && server.streamCount === 1);
    identity.useAuthority(second);
    const after = open(listener, clientOf(second.roots));
    await until('both streams', () => after.isOpen && server.streamCount === 2);
    expect([before.closedBy, after.closedBy]).toEqual([undefined, undefined]);
    const late = open(listener, clientOf(first.roots));
    await until('its end', () => late.closedBy !== undefined);
    expect(late.closedBy?.code).toBe('tls-failed');
    const folder = mkdtempSync(join(tmpdir(), 'weft-roots-'));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'ca.crt'), first.roots + second.roots);
    const { out } = await run([
      ...['openssl', 's_client', '-connect', `127.0.0.1:${port}`, '-CAfile', join(folder, 'ca.crt')],
      ...['-verify_hostname', name, '-x509_strict', '-verify_return_error'],
    ]);
    expect(out).toContain('Verify return code: 0 (ok)');
    expect(server.streamCount).toBe(2);
  });

  test('without a certificate nobody is let in', async () => {
    const { listener } = serve(createIdentity());
    const stream = open(listener, clientOf(authorityOf().roots));
    await until('its end', () => stream.closedBy !== undefined);
    expect(listener.connectionCount).toBe(0);
  });

  test('from files, together, again when they change; one that is at fault changes nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-identity-'));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    const clients = createClientAuthority();
    const [certificate, key, clientCa] = ['tls.crt', 'tls.key', 'clients.crt'].map((file) =>
      join(folder, file),
    );
    const write = (pem: string, keyPem: string) => {
      writeFileSync(certificate!, pem);
      writeFileSync(key!, keyPem);
    };
    const root = createAuthority(Date.now());
    const [one, two] = [issueServer(root, [name], Date.now()), issueServer(root, [name], Date.now())];
    write(one.certificate, one.key);
    writeFileSync(clientCa!, clients.pem);
    const identity = createIdentity();
    cleanups.push(
      await followIdentityFiles({
        store: createFileStore(),
        log: silentLog,
        identity,
        paths: { pair: { certificate: certificate!, key: key! }, clientCa: clientCa! },
      }),
    );
    const { listener, server, proof } = serve(identity);
    const known = clients.issue({ uri: ['spiffe://mesh/ns/shop/sa/web'] });
    const first = open(listener, clientOf(root.certificate, known));
    await until('a stream', () => first.isOpen && server.streamCount === 1);
    expect(proof.shown[0]?.certificate?.sans).toEqual([
      { kind: 'uri', value: 'spiffe://mesh/ns/shop/sa/web' },
    ]);
    const stranger = open(listener, clientOf(root.certificate, createClientAuthority().issue({})));
    await until('its end', () => stranger.closedBy !== undefined);
    const shown = identity.current();
    write(one.certificate, two.key);
    writeFileSync(certificate!, two.certificate);
    await until('the new certificate', () => identity.current() !== shown);
    const next = open(listener, clientOf(root.certificate, known));
    await until('the new stream', () => next.isOpen && server.streamCount === 2);
  });

  test('those who begin a handshake and leave it keep nobody out', async () => {
    const identity = createIdentity();
    const authority = authorityOf();
    identity.useAuthority(authority);
    const { listener, server, port } = serve(identity);
    const first = open(listener, clientOf(authority.roots));
    await until('a stream', () => first.isOpen && server.streamCount === 1);
    const stalled = await Promise.all(
      Array.from({ length: unprovenMax + 50 }, async () => {
        const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {}, error() {} } });
        // A record of a handshake, without most of it.
        socket.write(Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01));
        return socket;
      }),
    );
    cleanups.push(() => {
      for (const socket of stalled) socket.terminate();
    });
    await until('all of them', () => listener.connectionCount === unprovenMax + 1);
    const next = open(listener, clientOf(authority.roots));
    await until('a stream among them', () => next.isOpen && server.streamCount === 2);
    expect([first.closedBy, next.closedBy]).toEqual([undefined, undefined]);
  });
});
