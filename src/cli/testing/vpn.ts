// A VPN of its own making for tests: the server is tools/peers/vpn-server.py, in somebody else's TLS, the client is
// here. Each end shows a certificate; what lies between them sees ciphertext, and a protocol that it never heard of.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { TestCertificate } from '../../testing/certificates.ts';
import { type Program, startProgram } from '../../testing/programs.ts';

/** Agreed by ALPN of both ends. */
export const vpnProtocol = 'weft-test-vpn/1';
const script = join(import.meta.dir, '../../../tools/peers/vpn-server.py');
/** Of the length that comes before each packet. */
const headBytes = 2;

export interface VpnServer extends Program {
  /** Of 127.0.0.1. */
  readonly port: number;
}

/** It takes nobody without a certificate that `trusted` (PEM) issued. */
export async function startVpnServer(own: TestCertificate, trusted: string): Promise<VpnServer> {
  let out = '';
  const program = await startProgram({
    command(folder) {
      out = join(folder, 'out');
      const paths = Object.entries({ cert: own.chainPem, key: own.keyPem, ca: trusted }).map(
        ([name, pem]) => {
          writeFileSync(join(folder, name), pem);
          return join(folder, name);
        },
      );
      return ['python3', script, ...paths, vpnProtocol];
    },
    ready: async () => (await Bun.file(out).text()).endsWith('\n'),
  });
  return { ...program, port: Number(await Bun.file(out).text()) };
}

export interface VpnClientOptions {
  /** Of 127.0.0.1. */
  readonly port: number;
  readonly serverName: string;
  /** PEM of whom the server must be certified by. */
  readonly trusted: string;
  /** null: it shows no certificate. */
  readonly own: TestCertificate | null;
}

export interface Tunnel {
  /** What came, but for what the server sends to keep it open. */
  readonly packets: readonly Buffer[];
  /** How many packets came unasked, to keep it open. */
  readonly keptCount: number;
  readonly isClosed: boolean;
  send(packet: Buffer): void;
  end(): void;
}

export function openTunnel({ port, serverName, trusted, own }: VpnClientOptions): Tunnel {
  const shown = own === null ? {} : { cert: own.chainPem, key: own.keyPem };
  const socket = connect({
    host: '127.0.0.1',
    port,
    servername: serverName,
    ca: trusted,
    ALPNProtocols: [vpnProtocol],
    ...shown,
  });
  const packets: Buffer[] = [];
  let [keptCount, isClosed] = [0, false];
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= headBytes && rest.length >= headBytes + rest.readUInt16BE()) {
      const end = headBytes + rest.readUInt16BE();
      const packet = rest.subarray(headBytes, end);
      rest = rest.subarray(end);
      if (packet.equals(keepPacket)) keptCount++;
      else packets.push(packet);
    }
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    isClosed = true;
  });
  return {
    packets,
    get keptCount() {
      return keptCount;
    },
    get isClosed() {
      return isClosed;
    },
    send(packet) {
      const head = Buffer.alloc(headBytes);
      head.writeUInt16BE(packet.length);
      socket.write(Buffer.concat([head, packet]));
    },
    end: () => void socket.end(),
  };
}

const keepPacket = Buffer.from('keep');
