import { describe, expect, test } from 'bun:test';
import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { createAuthority } from '../../testing/certificates.ts';
import { parseCertificate } from './index.ts';
import { readSans } from './names.ts';

const root = createAuthority('Root, of "tests"');
const pemToDer = (pem: string) => new X509Certificate(pem).raw;

describe('certificates', () => {
  const notBeforeMs = Date.UTC(2026, 0, 2, 3, 4, 5);
  const leaf = root.issue({
    commonName: ' ledger',
    uri: ['spiffe://bank/ns/bank/sa/ledger'],
    dns: ['ledger.bank', 'evil\0.example', 'x, URI:spiffe://bank/ns/bank/sa/admin'],
    ip: [Uint8Array.of(127, 0, 0, 1), Uint8Array.from([...new Array(15).fill(0), 1]), Uint8Array.of(1, 2)],
    email: ['ops@bank.example'],
    notBeforeMs,
    notAfterMs: Date.UTC(2051, 0, 1),
  });
  const der = pemToDer(leaf.pem);

  test('names exactly as they stand, none from within another, none with a zero byte', () => {
    expect(parseCertificate(der)?.sans).toEqual([
      { kind: 'email', value: 'ops@bank.example' },
      { kind: 'dns', value: 'ledger.bank' },
      { kind: 'dns', value: 'x, URI:spiffe://bank/ns/bank/sa/admin' },
      { kind: 'uri', value: 'spiffe://bank/ns/bank/sa/ledger' },
      { kind: 'ip', value: '127.0.0.1' },
      { kind: 'ip', value: '::1' },
    ]);
  });

  test('subject, issuer, serial number, validity and key', () => {
    const certificate = parseCertificate(der)!;
    expect(certificate.subject).toBe('CN=\\ ledger');
    expect(certificate.issuer).toBe('CN=Root\\, of \\"tests\\"');
    expect(certificate.serialNumber).toBe(Buffer.from(leaf.serial).toString('hex'));
    expect([certificate.notBeforeMs, certificate.notAfterMs]).toEqual([notBeforeMs, Date.UTC(2051, 0, 1)]);
    const key = new X509Certificate(leaf.pem).publicKey.export({ format: 'der', type: 'spki' });
    expect(Buffer.from(certificate.publicKeyInfo).equals(key)).toBe(true);
  });

  test('other names with their kind, where their value is text', () => {
    const oid = [0x06, 0x03, 0x2a, 0x03, 0x04];
    const named = (...value: readonly number[]) => [
      0xa0,
      2 + value.length + 5,
      ...oid,
      0xa0,
      value.length,
      ...value,
    ];
    const values = [
      [0x0c, 0x02, 0x68, 0x69],
      [0x1e, 0x02, 0x20, 0xac],
      [0x1c, 0x04, 0x00, 0x01, 0xf6, 0x00],
      // An integer, and a text that two readers would read differently.
      [0x02, 0x01, 0x05],
      [0x0c, 0x02, 0x68, 0x00],
    ];
    const list = values.flatMap((value) => named(...value));
    expect(readSans(Uint8Array.of(0x30, list.length, ...list))).toEqual(
      ['hi', '€', '\u{1f600}'].map((value) => ({ kind: 'other', oid: '1.2.3.4', value })),
    );
  });

  test('a certificate without alternative names has none', () => {
    expect(parseCertificate(pemToDer(root.pem))?.sans).toEqual([]);
  });

  test('what is cut or damaged is none or another, never an exception', () => {
    for (let end = 0; end < der.length - 1; end++) expect(parseCertificate(der.subarray(0, end))).toBeNull();
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.nat(255), (at, byte) => {
        const copy = Uint8Array.from(der);
        copy[at] = byte;
        parseCertificate(copy);
      }),
      { numRuns: 2000 },
    );
  });
});
