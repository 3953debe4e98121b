// What a listener does with the protocols that a client offers, beside Envoy: one that offers nothing that is spoken
// here is served all the same, without an agreement.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { connect } from 'node:tls';
import { createAuthority } from '../testing/certificates.ts';
import { describeWith } from '../testing/programs.ts';
import { BesideEnvoy, type Case } from './testing/beside-envoy.ts';
import { downstreamTls, tlsCertificate } from './testing/tls-proxy.ts';

setDefaultTimeout(60_000);

const certificate = createAuthority().issue({ dns: ['a.example'] });
const spoken = [[], ['http/1.1'], ['h2', 'http/1.1'], ['h2']] as const;
const offered = [[], ['http/1.1'], ['h2'], ['x', 'http/1.1'], ['x']] as const;

/** What was agreed on, or that there was no connection. */
function agree(port: number, protocols: readonly string[]): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect(
    {
      host: '127.0.0.1',
      port,
      servername: 'a.example',
      rejectUnauthorized: false,
      ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
    },
    () => {
      resolve(`agreed on ${socket.alpnProtocol || 'nothing'}`);
      socket.destroy();
    },
  );
  socket.on('error', () => resolve('failed'));
  socket.on('close', () => resolve('closed'));
  return promise;
}

describeWith(['envoy'], 'protocols that a client offers', () => {
  const cases = spoken.map(
    (alpn_protocols): Case => ({
      name: alpn_protocols.join(),
      asks: [],
      chain: {
        transport_socket: downstreamTls({ tls_certificates: [tlsCertificate(certificate)], alpn_protocols }),
      },
    }),
  );
  const beside = new BesideEnvoy({ cases });
  beforeAll(() => beside.start());
  afterAll(() => beside.stop());

  for (const [index, { name }] of cases.entries())
    test(`where ${name || 'nothing'} is spoken`, async () => {
      for (const protocols of offered) {
        const envoy = await agree(beside.envoyPort(index), protocols);
        const weft = await agree(beside.weftPort(index), protocols);
        expect({ protocols, told: weft }).toEqual({ protocols, told: envoy });
      }
    });
});
