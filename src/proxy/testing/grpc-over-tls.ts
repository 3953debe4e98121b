// A proxy between a client and a server of gRPC that both speak mutual TLS: who is not of the authority is not served
// on either side, and h2 is all that is agreed to.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '../../testing/certificates.ts';
import { bootstrapSnapshot } from './configs.ts';
import { RealWorld } from './real.ts';
import {
  cluster,
  downstreamTls,
  httpListener,
  tlsCertificate,
  upstreamTls,
  validation,
} from './tls-proxy.ts';

const protocolOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

export class GrpcOverTls {
  /** Of client and server alike: `ca.pem`, `cert.pem` (for `ledger`) and `key.pem`. */
  readonly folder = mkdtempSync(join(tmpdir(), 'weft-grpc-tls-'));
  readonly world = new RealWorld();
  private readonly authority = createAuthority();
  /** Java's reader takes no subject that is empty beside names that are not critical (RFC 5280, 4.2.1.6). */
  private readonly own = this.authority.issue({ commonName: 'ledger', dns: ['ledger'] });

  constructor() {
    const files = { ca: this.authority.pem, cert: this.own.chainPem, key: this.own.keyPem };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.folder, `${name}.pem`), text);
  }

  /** All calls go to the server at this port; the port of the listener. */
  serve(port: number): number {
    const common = {
      alpn_protocols: ['h2'],
      tls_certificates: [tlsCertificate(this.own)],
      validation_context: {
        ...validation(this.authority),
        match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: 'ledger' } }],
      },
    };
    const downstream = downstreamTls(common, { require_client_certificate: true });
    const http2 = { max_concurrent_streams: 2000 };
    const options = {
      '@type': `type.googleapis.com/${protocolOptions}`,
      explicit_http_config: { http2_protocol_options: http2 },
    };
    const server = {
      ...cluster('ledger', port, upstreamTls(common, { sni: 'ledger' })),
      typed_extension_protocol_options: { [protocolOptions]: options },
    };
    const listener = httpListener('ledger', 0, 'ledger', downstream, { http2_protocol_options: http2 });
    const resources = { listeners: [listener], clusters: [server] };
    this.world.plane.apply(bootstrapSnapshot({ static_resources: resources }));
    const address = this.world.plane.listeners.get('ledger')?.address;
    return address?.kind === 'ip' ? address.port : 0;
  }

  async stop(): Promise<void> {
    await this.world.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
