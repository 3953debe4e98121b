import { expect, test } from 'bun:test';
import { createAuthority } from '../../testing/certificates.ts';
import { describeCertificates } from './describe-certificates.ts';

test('names and days of each certificate of a chain', () => {
  const root = createAuthority();
  const nowMs = Date.now();
  const leaf = root.issue({
    dns: ['a.example'],
    uri: ['spiffe://x/y'],
    notAfterMs: nowMs + 3.5 * 86_400_000,
  });
  expect(describeCertificates(leaf.pem + root.pem, '/run/a.pem', nowMs)).toMatchObject([
    {
      path: '/run/a.pem',
      subject_alt_names: [{ dns: 'a.example' }, { uri: 'spiffe://x/y' }],
      days_until_expiration: '3',
    },
    { subject_alt_names: [], days_until_expiration: '0' },
  ]);
  expect(describeCertificates(root.pem, '', nowMs)).toMatchObject([{ path: '<inline>' }]);
  expect(describeCertificates('none', '', nowMs)).toEqual([]);
});
