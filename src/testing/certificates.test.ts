import { expect, test } from 'bun:test';
import { X509Certificate } from 'node:crypto';
import { createAuthority } from './certificates.ts';
import { describeWith, run } from './programs.ts';

test('what is issued carries its names and is signed by its issuer', () => {
  const root = createAuthority();
  const middle = root.issue({ commonName: 'middle', authority: true });
  const leaf = middle.issue({ dns: ['a.example'], uri: ['spiffe://x/y'], ip: [Uint8Array.of(127, 0, 0, 1)] });
  const [rootCertificate, middleCertificate, leafCertificate] = [root, middle, leaf].map(
    ({ pem }) => new X509Certificate(pem),
  );
  expect(leafCertificate?.verify(middleCertificate!.publicKey)).toBe(true);
  expect(middleCertificate?.verify(rootCertificate!.publicKey)).toBe(true);
  expect(leafCertificate?.subjectAltName).toBe('DNS:a.example, URI:spiffe://x/y, IP Address:127.0.0.1');
  expect(leaf.chainPem).toBe(leaf.pem + middle.pem);
  expect(leafCertificate?.fingerprint256.replaceAll(':', '').toLowerCase()).toBe(leaf.sha256);
});

describeWith(['openssl'], 'test certificates', () => {
  test('openssl accepts them', async () => {
    const root = createAuthority();
    const leaf = root.issue({ dns: ['a.example'] });
    const text = await run(['openssl', 'verify', '-CAfile', '/dev/stdin'], root.pem + leaf.pem);
    expect(text.code).toBe(0);
    expect((await run(['openssl', 'crl', '-noout', '-text'], root.revoke(leaf))).out).toContain(
      'Serial Number: 01',
    );
  });
});
