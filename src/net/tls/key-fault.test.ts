import { describe, expect, test } from 'bun:test';
import { generateKeyPairSync } from 'node:crypto';
import { createAuthority } from '../../testing/certificates.ts';
import { createBunTlsContext } from './bun-context.ts';
import { findKeyFault } from './key-fault.ts';
import { createMemoryTlsContext } from './memory-context.ts';
import type { TlsContextOptions } from './types.ts';

const parameters: Omit<TlsContextOptions, 'side' | 'certificateChain' | 'privateKey'> = {
  ...{ password: null, trustedCa: null, crl: null, versionMin: null, versionMax: null, ciphers: null },
  ...{ curves: null, signatureAlgorithms: null, sessionSeconds: null, peer: 'ignored', resumption: false },
};
const root = createAuthority();
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength });
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
const short = "the certificate's RSA key has fewer than 2048 bits";
const curve = "the certificate's ECDSA key is of none of the curves P-256, P-384 and P-521";

describe.each([
  ['the engine', createBunTlsContext],
  ['the simulated network', createMemoryTlsContext],
])('the key of a certificate: %s', (_, create) => {
  test.each([
    ['RSA 1024', rsa(1_024), short],
    ['RSA 2048', rsa(2_048), null],
    ['P-224', ec('secp224r1'), curve],
    ['P-256', ec('prime256v1'), null],
    ['P-384', ec('secp384r1'), null],
    ['P-521', ec('secp521r1'), null],
  ])('%s', (_name, pair, fault) => {
    const { chainPem: certificateChain, keyPem: privateKey } = root.issue({ dns: ['a.example'], pair });
    for (const side of ['client', 'server'] as const) {
      const made = create({ ...parameters, side, certificateChain, privateKey });
      expect(made.ok ? null : made.error).toBe(fault);
    }
  });
});

test('no chain has no fault, and what is none is for the engine to tell', () => {
  expect([findKeyFault(null), findKeyFault('none')]).toEqual([null, null]);
});
