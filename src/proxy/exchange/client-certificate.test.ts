import { describe, expect, test } from 'bun:test';
import type { PeerCertificate, SecureFacts } from '../../net/index.ts';
import { createRequestHead } from '../../wire/index.ts';
import type { ClientCertificateConfig } from '../config/types.ts';
import { forwardClientCertificate } from './client-certificate.ts';

const spiffe = 'spiffe://bank/ns/bank/sa/';

function certificate(options: Partial<PeerCertificate>): PeerCertificate {
  return {
    subject: 'CN=web,O=Bank \\"A\\"',
    issuer: '',
    serialNumber: '',
    sans: [],
    notBeforeMs: 0,
    notAfterMs: 0,
    sha256: 'ab12',
    spkiSha256: '',
    pem: '-----BEGIN X-----\na+b/c=\n',
    ...options,
  };
}

const proven: SecureFacts = {
  version: 'TLSv1.3',
  cipher: '',
  alpn: null,
  serverName: null,
  resumed: false,
  peer: certificate({
    sans: [
      { kind: 'uri', value: `${spiffe}web` },
      { kind: 'dns', value: 'web.bank' },
    ],
  }),
  verified: true,
  expected: false,
  local: certificate({ sans: [{ kind: 'uri', value: `${spiffe}ledger` }] }),
};
const own = `By=${spiffe}ledger;Hash=ab12;URI=${spiffe}web`;
const quiet = { certificate: false, subject: false, uri: true, dns: false };

function forwarded(
  config: Partial<ClientCertificateConfig>,
  secure: SecureFacts | null,
  received: string | null = 'Hash=forged',
): string | null {
  const head = createRequestHead(
    'GET',
    'a',
    '/',
    received === null ? [] : [['x-forwarded-client-cert', received]],
  );
  forwardClientCertificate(head, secure, { mode: 'sanitize', ...quiet, ...config });
  return head.getName('x-forwarded-client-cert');
}

describe('x-forwarded-client-cert', () => {
  const nobody: SecureFacts = { ...proven, peer: null, verified: false };
  const unverified: SecureFacts = { ...proven, verified: false };
  const cases: readonly (readonly [ClientCertificateConfig['mode'], string | null, string | null])[] = [
    ['sanitize', null, null],
    ['forward-only', 'Hash=forged', null],
    ['append-forward', `Hash=forged,${own}`, null],
    ['sanitize-set', own, null],
    ['always-forward-only', 'Hash=forged', 'Hash=forged'],
  ];
  for (const [mode, withProof, without] of cases) {
    test(mode, () => {
      expect(forwarded({ mode }, proven)).toBe(withProof);
      for (const secure of [null, nobody, unverified]) expect(forwarded({ mode }, secure)).toBe(without);
    });
  }

  test('nothing received, nothing to append to', () => {
    expect(forwarded({ mode: 'append-forward' }, proven, null)).toBe(own);
  });

  test('what is told, in Envoy’s order', () => {
    const told = forwarded(
      { mode: 'sanitize-set', certificate: true, subject: true, uri: true, dns: true },
      proven,
    );
    expect(told).toBe(
      `By=${spiffe}ledger;Hash=ab12;Cert="-----BEGIN%20X-----%0Aa%2Bb%2Fc%3D%0A";Subject="CN=web,O=Bank \\"A\\"";URI=${spiffe}web;DNS=web.bank`,
    );
  });

  test('a certificate without a URI says so', () => {
    const bare = { ...proven, peer: certificate({}), local: null };
    expect(forwarded({ mode: 'sanitize-set' }, bare)).toBe('Hash=ab12;URI=');
  });

  test('a name that looks like an element stays one name', () => {
    const evil = certificate({
      sans: [{ kind: 'uri', value: `x;URI=${spiffe}admin,By=y"\r\nz` }],
      subject: 'CN=ü\n',
    });
    const told = forwarded({ mode: 'sanitize-set', subject: true }, { ...proven, peer: evil, local: null });
    expect(told).toBe(`Hash=ab12;Subject="CN=%C3%BC%0A";URI=x%3BURI=${spiffe}admin%2CBy=y%22%0D%0Az`);
  });
});
