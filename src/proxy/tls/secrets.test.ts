// SDS over ADS, end to end in memory: a listener waits for its secret, serves with it, and with the next one.

import { describe, expect, test } from 'bun:test';
import type { MeshError } from '../../base/index.ts';
import type { PeerCertificate, Socket } from '../../net/index.ts';
import { createAuthority, type TestCertificate } from '../../testing/certificates.ts';
import { typeUrls, type XdsResource } from '../../xds/index.ts';
import { ip } from '../testing/configs.ts';
import { downstreamTls, httpListener } from '../testing/tls-proxy.ts';
import { bootstrapOf, WholeProxy } from '../testing/whole-proxy.ts';

const since = { notBeforeMs: Date.UTC(2025, 0, 1), notAfterMs: Date.UTC(2030, 0, 1) };
const root = createAuthority('Root', since);
const first = root.issue({ dns: ['a.example'], ...since });
const second = root.issue({ dns: ['a.example'], ...since });
const port = 8443;

/** A length-delimited protobuf field. */
function field(number: number, bytes: Uint8Array): Uint8Array {
  const length: number[] = [];
  for (let left = bytes.length; ; left >>= 7) {
    length.push(left > 127 ? (left & 127) | 128 : left);
    if (left <= 127) break;
  }
  return Buffer.concat([Buffer.of((number << 3) | 2), Buffer.from(length), bytes]);
}

function secretOf(name: string, { chainPem, keyPem }: TestCertificate, version: string): XdsResource {
  const inline = (text: string) => field(3, Buffer.from(text));
  const certificate = Buffer.concat([field(1, inline(chainPem)), field(2, inline(keyPem))]);
  const bytes = Buffer.concat([field(1, Buffer.from(name)), field(2, certificate)]);
  return { name, version, typeUrl: typeUrls.secret, bytes };
}

const ads = { ads: {}, resource_api_version: 'V3' };
const bootstrap = bootstrapOf(
  JSON.stringify({
    node: { id: 'n' },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'control' } }],
      },
    },
    static_resources: {
      clusters: [
        {
          name: 'control',
          type: 'STATIC',
          http2_protocol_options: {},
          load_assignment: {
            cluster_name: 'control',
            endpoints: [
              {
                lb_endpoints: [
                  { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: 1 } } } },
                ],
              },
            ],
          },
        },
      ],
      listeners: [
        httpListener(
          'edge',
          port,
          'control',
          downstreamTls({ tls_certificate_sds_secret_configs: [{ name: 'server', sds_config: ads }] }),
        ),
      ],
    },
  }),
);

/** The certificate that a new connection is shown, or why there is none. */
function dial(world: WholeProxy): {
  socket: Socket;
  peer(): PeerCertificate | null;
  error(): MeshError | null;
} {
  const made = world.network.createTlsContext({
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
    resumption: false,
  });
  if (!made.ok) throw new Error(made.error);
  const judge = {
    exacting: false,
    judge: (_peer: PeerCertificate | null, fault: string | null) =>
      fault === null ? null : { reason: 'chain' as const, message: fault },
  };
  let failed: MeshError | null = null;
  const handler = {
    onOpen() {},
    onData() {},
    onDrain() {},
    onEnd() {},
    onClose(_socket: Socket, error: MeshError | null) {
      failed = error;
    },
  };
  const tls = { context: made.value, alpn: [], serverName: 'a.example', judge, sessions: null };
  const socket = world.network.connect(ip(port), handler, { tls });
  world.clock.advanceBy(200);
  return { socket, peer: () => socket.secure?.peer ?? null, error: () => failed };
}

describe('secrets over ADS', () => {
  test('a listener waits for its secret, serves with it, and with the next one; open connections stay', () => {
    const world = new WholeProxy({ bootstrap });
    world.clock.advanceBy(1_000);
    expect(dial(world).error()?.code).toBe('connect-refused');
    world.publish([secretOf('server', first, '1')]);
    world.clock.advanceBy(1_000);
    const before = dial(world);
    expect(before.peer()?.sha256).toBe(first.sha256);
    world.publish([secretOf('server', second, '2')]);
    world.clock.advanceBy(1_000);
    expect(dial(world).peer()?.sha256).toBe(second.sha256);
    expect(before.error()).toBeNull();
  });

  test('material that does not fit leaves the last good in use, and says so', () => {
    const world = new WholeProxy({ bootstrap });
    world.publish([secretOf('server', first, '1')]);
    world.clock.advanceBy(1_000);
    world.publish([secretOf('server', { ...second, keyPem: first.keyPem }, '2')]);
    world.clock.advanceBy(1_000);
    expect(dial(world).peer()?.sha256).toBe(first.sha256);
    const line = world.logLines.find((text) => text.includes('TLS material not in use'));
    expect(line).toContain('the private key does not belong to the certificate');
  });

  test('no private key is shown', () => {
    const world = new WholeProxy({ bootstrap });
    world.publish([secretOf('server', first, '1')]);
    world.clock.advanceBy(1_000);
    expect(world.body('/config_dump')).not.toContain('PRIVATE KEY');
  });
});
