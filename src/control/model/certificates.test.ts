// What is found of certificates is found of each by itself, whatever else was judged before.

import { expect, test } from 'bun:test';
import { generateKeyPairSync } from 'node:crypto';
import { createAuthority, createSelfSigned } from '../../testing/certificates.ts';
import { parseManifests } from '../source/parse.ts';
import { Catalog } from './catalog.ts';
import { CertificateStore, isRefusal, Verdicts } from './certificates.ts';
import { Grants } from './grants.ts';
import { ResourceIndex } from './index-resources.ts';

function createStore(objects: readonly object[]): CertificateStore {
  const catalog = new Catalog();
  for (const object of objects) {
    const parsed = parseManifests('f', JSON.stringify(object));
    if (parsed.ok) for (const raw of parsed.value) catalog.upsert(raw);
  }
  return new CertificateStore(new ResourceIndex(catalog.entries()), new Grants([]));
}

const from = { group: 'gateway.networking.k8s.io', kind: 'Gateway', namespace: 'shop' };
const reasons = { kind: 'kind', content: 'content' };

function bundle(authority: string): object {
  const metadata = { name: 'ca', namespace: 'shop' };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'ca.crt': authority } };
}

const ca = { group: '', kind: 'ConfigMap', name: 'ca' };

test('a bundle that reads as a certificate with a wrong key is judged as a bundle', () => {
  const { pem } = createSelfSigned({ dns: ['www.example.com'] });
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'tls', namespace: 'shop' },
    type: 'kubernetes.io/tls',
    stringData: { 'tls.crt': pem, 'tls.key': 'no key' },
  };
  const store = createStore([secret, bundle(`${pem}\nno key`)]);
  expect(isRefusal(store.identity(from, { group: '', kind: 'Secret', name: 'tls' }))).toBe(true);
  expect(isRefusal(store.authority(from, ca, reasons))).toBe(false);
});

test('a chain of which one block is none is refused, though its first certificate fits the key', () => {
  const { pem, keyPem: key } = createSelfSigned({ dns: ['www.example.com'] });
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  const judge = (chain: string) => {
    const secret = {
      ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'tls', namespace: 'shop' } },
      type: 'kubernetes.io/tls',
      stringData: { 'tls.crt': chain, 'tls.key': key },
    };
    return createStore([secret]).identity(from, { group: '', kind: 'Secret', name: 'tls' });
  };
  const { pem: other } = createSelfSigned({ dns: ['ca.example.com'] });
  expect(isRefusal(judge(`${pem}${other}`))).toBe(false);
  expect(judge(`${pem}${broken}`)).toMatchObject({
    message: expect.stringContaining('Secret shop/tls is taken by no proxy: '),
  });
});

test('a key that the proxies do not take is told at whoever refers to it', () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 1_024 });
  const { chainPem, keyPem } = createAuthority().issue({ dns: ['www.example.com'], pair });
  const secret = {
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'weak', namespace: 'shop' } },
    type: 'kubernetes.io/tls',
    stringData: { 'tls.crt': chainPem, 'tls.key': keyPem },
  };
  const judged = createStore([secret]).identity(from, { group: '', kind: 'Secret', name: 'weak' });
  const message = expect.stringContaining("the certificate's RSA key has fewer than 2048 bits");
  expect(judged).toEqual({ reason: 'InvalidCertificateRef', message });
});

test('a bundle that is too long is not read', () => {
  const store = createStore([bundle('x'.repeat(300_000))]);
  expect(store.authority(from, ca, reasons)).toMatchObject({
    message: expect.stringContaining('is too long'),
  });
});

test('a text is judged once, and of texts nothing is kept', () => {
  const verdicts = new Verdicts();
  let judged = 0;
  const judge = () => `fault ${++judged}`;
  expect(verdicts.remember(['certificate', 'private key'], judge)).toBe('fault 1');
  expect(verdicts.remember(['certificate', 'private key'], judge)).toBe('fault 1');
  expect(JSON.stringify([...verdicts.known])).not.toContain('private key');
});

test('texts that run together into the same are told apart', () => {
  const verdicts = new Verdicts();
  expect(verdicts.remember(['ab', 'c'], () => null)).toBeNull();
  expect(verdicts.remember(['a', 'bc'], () => 'fault')).toBe('fault');
  expect(verdicts.remember(['abc'], () => 'other')).toBe('other');
});
