// Listeners made by chance, as in generated.peer.test.ts: listener filters, chain matches, TLS, HTTP and TCP behind it.
// A client of OpenSSL opens the same connections to a real Envoy's listener and to Weft's: how handshakes end, what the
// backend saw and what the client got is the same. `WEFT_SEED` plays others.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { createAuthority } from '../testing/certificates.ts';
import { type Envoy, startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePorts } from '../testing/programs.ts';
import { cluster, typed } from './testing/beside-envoy.ts';
import { askConnections, type ConnectionTold } from './testing/connection-asker.ts';
import {
  type Connection,
  chainsMax,
  connection,
  createAsk,
  createListener,
  type Listener,
  listener,
} from './testing/generated-listeners.ts';
import { startTlsProxy, type TlsProxy, tlsCertificate } from './testing/tls-proxy.ts';

setDefaultTimeout(300_000);

const casesCount = Number(process.env['WEFT_CASES'] ?? 40);
const seed = Number(process.env['WEFT_SEED'] ?? 20_261_128);
const connectionsCount = 8;
const dayMs = 86_400_000;

const root = createAuthority('Root');
const other = createAuthority('Other');
const web = root.issue({ commonName: 'web', dns: ['web.example'], uri: ['spiffe://bank/web'] });
const clients = {
  web,
  admin: root.issue({ dns: ['admin.example'], uri: ['spiffe://bank/admin'] }),
  other: other.issue({ dns: ['web.example'], uri: ['spiffe://bank/web'] }),
  expired: root.issue({ uri: ['spiffe://bank/web'], notAfterMs: Date.now() - dayMs / 2 }),
};
const material = {
  trustedPem: root.pem,
  servers: Array.from({ length: chainsMax + 1 }, (_, at) =>
    tlsCertificate(root.issue({ dns: [`chain${at}.example`] })),
  ),
  webHash: web.sha256,
  webSpki: web.spkiSha256,
};

const made = fc.record({
  listener,
  connections: fc.array(connection, { minLength: connectionsCount, maxLength: connectionsCount }),
});

/** Own addresses: of a client on the same machine Envoy writes its own in x-forwarded-for. */
const own = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));

const told = [
  'x-chain',
  'x-name',
  'x-peer',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-client-cert',
];

function startHttp(): Bun.Server<undefined> {
  return Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: ({ headers }) => {
      const fields = told.map((name) => [name, headers.get(name)]);
      const text = JSON.stringify(Object.fromEntries(fields));
      return new Response(own.reduce((all, address) => all.replaceAll(`"${address}"`, '"own"'), text));
    },
  });
}

/** Greets, and says what it got first behind a PROXY header, with the port left out that nobody chose. */
function startTcp(name: string): Bun.TCPSocketListener<{ received: string }> {
  return Bun.listen<{ received: string }>({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      open(socket) {
        socket.data = { received: '' };
        socket.write(`this is ${name}\n`);
      },
      data(socket, bytes) {
        const before = socket.data.received;
        socket.data.received += bytes.toString('latin1');
        const [header = '', rest = ''] = cutHeader(socket.data.received);
        if (rest === '' || cutHeader(before)[1] !== '') return;
        socket.write(`${name} got ${header.replace(/ (?!1111)\d+ \d+$/, '')} ${rest.split(/\r?\n/)[0]}.\n`);
      },
    },
  });
}

function cutHeader(text: string): readonly [string, string] {
  const header = /^(PROXY .*)\r\n/.exec(text);
  return header === null ? ['', text] : [header[1]!, text.slice(header[0].length)];
}

/** Of TLS, which who spoke none gets from Envoy. */
const alert = '\x15\x03';

/**
 * Where nothing came, how far it came besides is the program's own. So are the words of a refusal; that Weft judges by
 * network RBAC before it connects, and refuses HTTP/2 in its own words; and that Weft forwards proven certificates
 * alone (docs/envoy-compat.md).
 */
function comparable(told: ConnectionTold, { listener: asked, connection: opened }: Played): unknown {
  const received = withoutUnproven(told.received, asked, opened);
  const judged = [...asked.chains, asked.rest].some((chain) => chain !== null && chain.access !== null);
  if (received === '' || received.startsWith(alert)) return 'nothing';
  // Its SETTINGS, and its word of farewell.
  if (received.startsWith('\0\0')) return 'nothing';
  if (judged && greeting.test(received)) return 'nothing';
  const answer = /^HTTP\/1\.[01] (\d+).*?\r\n\r\n(.*)$/s.exec(received);
  if (answer === null) return { ...told, received };
  if (opened.speak === 'h2' || told.protocol === 'h2') return 'nothing';
  return { ...told, received: answer[1] === '200' ? answer[2] : answer[1] };
}

const greeting = /^this is \w+\n$/;

function withoutUnproven(received: string, asked: Listener, { tls }: Connection): string {
  const untrusted = [...asked.chains, asked.rest].some((chain) => chain?.tls?.untrusted === true);
  const proven = tls?.certificate === 'web' || tls?.certificate === 'admin';
  return untrusted && !proven ? received.replace(/"x-forwarded-client-cert":[^}]*/, '') : received;
}

interface Played {
  readonly listener: Listener;
  readonly connection: Connection;
}

describeWith(['envoy', 'python3'], 'listeners made by chance', () => {
  const cases = fc.sample(made, { numRuns: casesCount, seed });
  const folder = mkdtempSync(join(tmpdir(), 'weft-listeners-'));
  const http = startHttp();
  const tcp = ['tcp', 'named'].map(startTcp);
  let [envoy, weft]: [Envoy | null, TlsProxy | null] = [null, null];
  let ports: { readonly envoy: readonly number[]; readonly weft: readonly number[] };

  const bootstrap = (all: readonly number[]) => ({
    static_resources: {
      listeners: cases.map((one, at) => createListener(one.listener, at, all[at]!, material)),
      clusters: [
        cluster('http', http.port!),
        cluster('tcp', tcp[0]!.port),
        cluster('a.example', tcp[1]!.port),
        cluster('tcp with a header', tcp[0]!.port, {
          transport_socket: {
            name: 'header',
            typed_config: typed(
              'envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport',
              {
                config: { version: 'V1' },
                transport_socket: {
                  name: 'raw',
                  typed_config: typed('envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer'),
                },
              },
            ),
          },
        }),
      ],
    },
  });

  beforeAll(async () => {
    for (const [name, { chainPem, keyPem }] of Object.entries(clients)) {
      writeFileSync(join(folder, `${name}.pem`), chainPem);
      writeFileSync(join(folder, `${name}.key`), keyPem);
    }
    const free = freePorts(2 * casesCount);
    ports = { envoy: free.slice(0, casesCount), weft: free.slice(casesCount) };
    envoy = await startEnvoy(bootstrap(ports.envoy));
    weft = startTlsProxy(bootstrap(ports.weft));
  }, 120_000);
  afterAll(async () => {
    weft?.proxy.stop();
    await envoy?.stop();
    for (const each of [http, ...tcp]) each.stop(true);
    rmSync(folder, { recursive: true, force: true });
  });

  const played = cases.flatMap((one, index) =>
    one.connections.map((each) => ({ index, listener: one.listener, connection: each })),
  );
  type One = (typeof played)[number];

  /** What each side made of these. */
  async function play(some: readonly One[]) {
    const on = (all: readonly number[]) =>
      askConnections(
        folder,
        some.map(({ index, connection: each }) => createAsk(each, all[index]!)),
      );
    const theirs = await on(ports.envoy);
    const ours = await on(ports.weft);
    return some.map((one, at) => ({ one, envoy: theirs[at]!, weft: ours[at]! }));
  }

  test(`${casesCount} of them, seed ${seed}`, async () => {
    const differs = ({ one, envoy: theirs, weft: ours }: Awaited<ReturnType<typeof play>>[number]) =>
      !Bun.deepEquals(comparable(theirs, one), comparable(ours, one));
    const told = await play(played);
    // A machine that is busy makes one of two time out: what differs by more than that does so again.
    const again = told.filter(differs).map(({ one }) => one);
    const differing = (await play(again)).filter(differs);
    expect(differing.slice(0, 3)).toEqual([]);
    // Enough of them get through to mean something.
    const served = told.filter(({ weft: ours }) => ours.received !== '').length;
    expect(served).toBeGreaterThan(told.length / 10);
  });
});
