import { expect, test } from 'bun:test';
import { createMemoryStore } from '../net/index.ts';
import { createAuthority } from '../testing/certificates.ts';
import { downstreamTls, httpListener } from './testing/tls-proxy.ts';
import { bootstrapOf, WholeProxy } from './testing/whole-proxy.ts';

const since = { notBeforeMs: Date.UTC(2025, 0, 1), notAfterMs: Date.UTC(2030, 0, 1) };
const root = createAuthority('Root', since);
const leaf = root.issue({ dns: ['a.example'], ...since });
const other = root.issue({ dns: ['a.example'], ...since });
const files = { certificate_chain: { filename: '/tls/a.pem' }, private_key: { filename: '/tls/a.key' } };
const bootstrap = bootstrapOf(
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
  const world = new WholeProxy({ bootstrap, store });
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
