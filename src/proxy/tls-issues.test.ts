import { describe, expect, test } from 'bun:test';
import { silentLog } from '../base/index.ts';
import { createMemoryStore } from '../net/index.ts';
import { createAuthority } from '../testing/certificates.ts';
import { downstreamTls, httpListener, upstreamTls } from './testing/tls-proxy.ts';
import { bootstrapOf, WholeProxy } from './testing/whole-proxy.ts';
import { TlsRuntime } from './tls/index.ts';

const since = { notBeforeMs: Date.UTC(2025, 0, 1), notAfterMs: Date.UTC(2030, 0, 1) };
const root = createAuthority('Root', since);
const leaf = root.issue({ dns: ['a.example'], ...since });
const other = root.issue({ dns: ['a.example'], ...since });
const files = { certificate_chain: { filename: '/tls/a.pem' }, private_key: { filename: '/tls/a.key' } };
const bootstrapOfEdge = bootstrapOf(
  JSON.stringify({
    static_resources: {
      clusters: [{ name: 'origin', type: 'STATIC' }],
      listeners: [httpListener('edge', 8443, 'origin', downstreamTls({ tls_certificates: [files] }))],
    },
  }),
);

async function run(world: WholeProxy): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    await Promise.resolve();
    world.clock.advanceBy(100);
  }
}

test('a listener with nothing to show is not ready, and says why; what it goes on without is an issue', async () => {
  const store = createMemoryStore();
  const world = new WholeProxy({ bootstrap: bootstrapOfEdge, store });
  const told = () => {
    const { state, weft } = world.json('/server_info') as {
      readonly state: string;
      readonly weft: { readonly issues: readonly object[] };
    };
    return [state, weft.issues];
  };
  await run(world);
  const absent = { object: 'edge', field: 'tls', rule: 'file /tls/a.pem does not exist', value: '' };
  expect(told()).toEqual(['INITIALIZING', [absent]]);
  await store.write('/tls/a.pem', Buffer.from(leaf.chainPem));
  await store.write('/tls/a.key', Buffer.from(leaf.keyPem));
  await run(world);
  expect(told()).toEqual(['LIVE', []]);
  expect(world.json('/certs')).toMatchObject({
    certificates: [{ ca_cert: [], cert_chain: [{ path: '/tls/a.pem' }] }],
  });
  await store.write('/tls/a.key', Buffer.from(other.keyPem));
  await run(world);
  const rule = 'the private key does not belong to the certificate';
  expect(told()).toEqual(['LIVE', [{ ...absent, rule }]]);
});

describe('a cluster whose certificates are in files', () => {
  const secret = JSON.stringify({
    resources: [
      {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
        name: 'own',
        tls_certificate: files,
      },
    ],
  });
  const sds = { path_config_source: { path: '/tls/sds.json' }, resource_api_version: 'V3' };
  const trust = { validation_context: { trusted_ca: { filename: '/tls/a.pem' } } };
  const written = {
    '/tls/a.pem': leaf.chainPem,
    '/tls/a.key': leaf.keyPem,
    '/tls/sds.json': secret,
  };

  test.each([
    ['its own', { ...trust, tls_certificates: [files] }],
    ['a secret in a file', { tls_certificate_sds_secret_configs: [{ name: 'own', sds_config: sds }] }],
    ['a secret of the bootstrap', { tls_certificate_sds_secret_configs: [{ name: 'own' }] }],
  ])('%s: has them before the first call, and is not ready before that', async (_what, common) => {
    const config = bootstrapOf(
      JSON.stringify({
        static_resources: {
          clusters: [{ name: 'origin', type: 'STATIC', transport_socket: upstreamTls(common) }],
          secrets: [{ name: 'own', tls_certificate: files }],
        },
      }),
    );
    const world = new WholeProxy({ bootstrap: config, store: createMemoryStore(written) });
    expect(world.json('/server_info')).toMatchObject({
      state: 'INITIALIZING',
      weft: { issues: [{ object: 'origin', field: 'tls', rule: expect.stringContaining('is being read') }] },
    });
    await run(world);
    expect(world.json('/server_info')).toMatchObject({ state: 'LIVE', weft: { issues: [] } });
    // No context was made yet: that is the first call's.
    expect(world.json('/certs')).toEqual({ certificates: [] });
    const { network, store } = world;
    const runtime = new TlsRuntime({ network, store, log: silentLog });
    const tls = config.clusters[0]!.config.tls!;
    runtime.setSecrets(config.secrets);
    runtime.retain(new Set([tls]));
    await runtime.files.whenRead();
    expect(runtime.client(tls).clientFor('')).not.toBeNull();
  });
});
