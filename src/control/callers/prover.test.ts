import { expect, test } from 'bun:test';
import type { PeerCertificate } from '../../net/index.ts';
import { Catalog } from '../model/catalog.ts';
import { CallerProver, createCallerCounts } from './prover.ts';

function prove(...uris: readonly string[]) {
  const prover = new CallerProver({
    reviews: null,
    catalog: new Catalog(),
    namespace: 'weft-system',
    trustDomain: 'cluster.local',
    counts: createCallerCounts(),
  });
  const sans = uris.map((value) => ({ kind: 'uri' as const, value }));
  const certificate = { sans } as unknown as PeerCertificate;
  return prover.prove({ authorization: null, certificate, peer: '10.0.0.1' });
}

test('a certificate of the trust domain proves an account', () => {
  const name = 'of the account shop/web';
  expect(prove('spiffe://cluster.local/ns/shop/sa/web')).toMatchObject({ ok: true, value: { name } });
  expect(prove('spiffe://other/ns/bank/sa/vault', 'spiffe://cluster.local/ns/shop/sa/web')).toMatchObject({
    ok: true,
    value: { name },
  });
});

test.each([
  'spiffe://other/ns/shop/sa/web',
  'spiffe://cluster.local.other/ns/shop/sa/web',
  'spiffe://cluster.local/ns/shop/sa/web/more',
  'https://cluster.local/ns/shop/sa/web',
])('%s proves nothing', (uri) => {
  const reason = 'the certificate has no URI spiffe://cluster.local/ns/NAMESPACE/sa/ACCOUNT';
  expect(prove(uri)).toEqual({ ok: false, error: { fault: 'unauthenticated', reason } });
});
