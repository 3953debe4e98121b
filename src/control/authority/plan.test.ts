import { describe, expect, test } from 'bun:test';
import { X509Certificate } from 'node:crypto';
import { checkPair, createAuthority, issueServer } from './certificates.ts';
import { authorityLimits } from './limits.ts';
import { type Authority, planAuthority } from './plan.ts';
import { readAuthority, writeAuthority } from './secret.ts';

const startMs = Date.parse('2026-01-01T00:00:00Z');
const { authorityMs, renewAuthorityMs, announceMs, serverMs, rootsMax } = authorityLimits;

function rootsOf({ roots }: Authority): readonly string[] {
  return roots.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n/g) ?? [];
}

describe('the authority over the years', () => {
  test('is made once, and stays as it is', () => {
    const made = planAuthority(null, startMs);
    expect(checkPair(made.current)).not.toBeNull();
    expect(rootsOf(made)).toEqual([made.current.certificate]);
    expect(planAuthority(made, startMs + authorityMs - renewAuthorityMs - 60_000)).toBe(made);
  });

  test('its successor is told of before it signs, and it is trusted until it has expired', () => {
    const made = planAuthority(null, startMs);
    const dueMs = startMs + authorityMs - renewAuthorityMs;
    const announced = planAuthority(made, dueMs);
    const next = announced.next!;
    expect(announced.current).toEqual(made.current);
    expect(rootsOf(announced)).toEqual([made.current.certificate, next.certificate]);
    expect(planAuthority(announced, dueMs + announceMs - 60_000)).toBe(announced);
    const rotated = planAuthority(announced, dueMs + announceMs);
    expect(rotated).toMatchObject({ current: next, next: null });
    expect(rootsOf(rotated)).toEqual([next.certificate, made.current.certificate]);
    const later = planAuthority(rotated, startMs + authorityMs + 1_000);
    expect(rootsOf(later)).toEqual([next.certificate]);
    expect(planAuthority(later, startMs + authorityMs + 2_000)).toBe(later);
  });

  test('what is trusted has a bound', () => {
    let authority = planAuthority(null, startMs);
    for (let turn = 0; turn < rootsMax + 2; turn++) {
      const next = createAuthority(startMs);
      authority = planAuthority({ ...authority, next }, startMs + announceMs + turn);
    }
    expect(rootsOf(authority).length).toBe(rootsMax);
    expect(rootsOf(authority)[0]).toBe(authority.current.certificate);
  });

  test('goes through its Secret unchanged', () => {
    const made = { ...planAuthority(null, startMs), next: createAuthority(startMs) };
    const secret = writeAuthority(made, 'weft-system', '7');
    expect(readAuthority(secret)).toEqual(made);
    expect(secret).toMatchObject({
      type: 'kubernetes.io/tls',
      metadata: { name: 'weft-ca', namespace: 'weft-system', resourceVersion: '7' },
    });
  });

  test('a Secret that holds none is left alone', () => {
    const { current } = planAuthority(null, startMs);
    const other = createAuthority(startMs);
    const mixed = { current: { ...current, key: other.key }, next: null, roots: '' };
    expect(readAuthority(writeAuthority(mixed, 'n', ''))).toBe(
      'tls.crt and tls.key are no certificate with its key',
    );
    const next = { certificate: other.certificate, key: 'none' };
    expect(readAuthority(writeAuthority({ current, next, roots: '' }, 'n', ''))).toBe(
      'next.crt and next.key are no certificate with its key',
    );
    expect(readAuthority({})).toBe('tls.crt and tls.key are no certificate with its key');
  });
});

describe('a certificate of the control plane', () => {
  test('is of the authority, for its names, for a day', () => {
    const authority = createAuthority(startMs);
    const issued = issueServer(authority, ['weft-control.weft-system.svc', 'weft-control'], startMs);
    const [root, leaf] = [
      new X509Certificate(authority.certificate),
      new X509Certificate(issued.certificate),
    ];
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.checkIssued(root)).toBe(true);
    expect([root.ca, leaf.ca]).toEqual([true, false]);
    expect(leaf.subjectAltName).toBe('DNS:weft-control.weft-system.svc, DNS:weft-control');
    expect(Date.parse(leaf.validTo)).toBe(startMs + serverMs);
    expect(checkPair(issued)).toEqual({ notAfterMs: startMs + serverMs });
  });
});
