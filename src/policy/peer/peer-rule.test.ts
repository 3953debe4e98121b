import { describe, expect, test } from 'bun:test';
import type { StringMatch } from '../route/index.ts';
import {
  compilePeerRule,
  type PeerFacts,
  type PeerName,
  type PeerNameMatch,
  type PeerRuleConfig,
} from './index.ts';

const open: PeerRuleConfig = {
  required: true,
  verifiesChain: true,
  acceptsUntrusted: false,
  names: [],
  certificateHashes: [],
  keyHashes: [],
};

function facts(...sans: readonly PeerName[]): PeerFacts {
  return { sans, sha256: 'ab'.repeat(32), spkiSha256: 'key=' };
}

function decide(
  config: Partial<PeerRuleConfig>,
  peer: PeerFacts | null,
  fault: string | null = null,
): string {
  const rule = compilePeerRule({ ...open, ...config });
  if (!rule.ok) throw new Error(rule.error);
  return rule.value.decide(peer, fault)?.reason ?? 'accepted';
}

const exact = (value: string): StringMatch => ({ kind: 'exact', value, ignoreCase: false });
const names = (
  kind: Exclude<PeerNameMatch['kind'], 'other'>,
  ...matches: StringMatch[]
): Partial<PeerRuleConfig> => ({
  names: matches.map((match) => ({ kind, match })),
});
const other = (oid: string, value: string): PeerName => ({ kind: 'other', oid, value });
const otherNamed = (oid: string, value: string): Partial<PeerRuleConfig> => ({
  names: [{ kind: 'other', oid, match: exact(value) }],
});
const uri = (value: string): PeerName => ({ kind: 'uri', value });
const dns = (value: string): PeerName => ({ kind: 'dns', value });

describe('who may be at the other end', () => {
  const cases: readonly (readonly [
    string,
    Partial<PeerRuleConfig>,
    PeerFacts | null,
    string | null,
    string,
  ])[] = [
    ['nobody, where somebody is required', {}, null, null, 'no-certificate'],
    ['nobody, where that is allowed', { required: false }, null, null, 'accepted'],
    [
      'nobody, where a name is matched',
      { required: false, ...names('uri', exact('a')) },
      null,
      null,
      'no-certificate',
    ],
    ['an other name', otherNamed('1.2.3', 'a'), facts(dns('b'), other('1.2.3', 'a')), null, 'accepted'],
    [
      'that name of another kind',
      otherNamed('1.2.3', 'a'),
      facts(dns('a'), other('1.2.4', 'a')),
      null,
      'san',
    ],
    ['another name of its kind', otherNamed('1.2.3', 'a'), facts(other('1.2.3', 'b')), null, 'san'],
    [
      'an other name, where kinds are not told',
      names(null, exact('a')),
      facts(other('1.2.3', 'a')),
      null,
      'san',
    ],
    ['anybody trusted', {}, facts(), null, 'accepted'],
    ['not trusted', {}, facts(), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'chain'],
    ['not trusted, optional', { required: false }, facts(), 'SELF_SIGNED_CERT_IN_CHAIN', 'chain'],
    ['not trusted, as told', { acceptsUntrusted: true }, facts(), 'CERT_HAS_EXPIRED', 'accepted'],
    [
      'another name, not trusted, as told',
      { acceptsUntrusted: true, ...names('uri', exact('a')) },
      facts(uri('b')),
      'CERT_HAS_EXPIRED',
      'accepted',
    ],
    ['nobody, whoever it is', { acceptsUntrusted: true, required: true }, null, null, 'no-certificate'],
    [
      'nobody, where anybody may be whoever it is',
      { acceptsUntrusted: true, required: false, ...names('uri', exact('a')) },
      null,
      null,
      'accepted',
    ],
    ['nothing to trust', { verifiesChain: false }, facts(), 'no trusted authority', 'accepted'],
    ['the name', names('uri', exact('spiffe://x/a')), facts(dns('b'), uri('spiffe://x/a')), null, 'accepted'],
    ['another name', names('uri', exact('spiffe://x/a')), facts(uri('spiffe://x/ab')), null, 'san'],
    [
      'the name in another kind',
      names('uri', exact('spiffe://x/a')),
      facts(dns('spiffe://x/a')),
      null,
      'san',
    ],
    ['no name at all', names('uri', exact('spiffe://x/a')), facts(), null, 'san'],
    ['a name, but not trusted', names('uri', exact('a')), facts(uri('a')), 'CERT_HAS_EXPIRED', 'chain'],
    ['one of several names', names('dns', exact('a'), exact('b')), facts(dns('b')), null, 'accepted'],
    ['names of every kind', names(null, exact('a')), facts(uri('a')), null, 'accepted'],
    [
      'prefix',
      names('uri', { kind: 'prefix', value: 'spiffe://x/', ignoreCase: false }),
      facts(uri('spiffe://x/q')),
      null,
      'accepted',
    ],
    [
      'suffix',
      names('uri', { kind: 'suffix', value: '/q', ignoreCase: false }),
      facts(uri('spiffe://x/r')),
      null,
      'san',
    ],
    [
      'regex, whole name',
      names('uri', { kind: 'regex', value: 'spiffe://x/[a-c]' }),
      facts(uri('spiffe://x/b')),
      null,
      'accepted',
    ],
    [
      'regex, part of the name',
      names('uri', { kind: 'regex', value: 'spiffe://x/[a-c]' }),
      facts(uri('spiffe://x/bb')),
      null,
      'san',
    ],
    ['IP', names('ip', exact('10.0.0.1')), facts({ kind: 'ip', value: '10.0.0.1' }), null, 'accepted'],
    ['DNS in other case', names('dns', exact('A.example')), facts(dns('a.EXAMPLE')), null, 'accepted'],
    [
      'a wildcard for one label',
      names('dns', exact('a.bank.example')),
      facts(dns('*.bank.example')),
      null,
      'accepted',
    ],
    [
      'a wildcard for two labels',
      names('dns', exact('a.b.bank.example')),
      facts(dns('*.bank.example')),
      null,
      'san',
    ],
    [
      'a wildcard for no label',
      names('dns', exact('bank.example')),
      facts(dns('*.bank.example')),
      null,
      'san',
    ],
    ['a wildcard in a URI', names('uri', exact('a.bank.example')), facts(uri('*.bank.example')), null, 'san'],
    ['a pinned certificate', { certificateHashes: ['AB'.repeat(32)] }, facts(), null, 'accepted'],
    ['another certificate', { certificateHashes: ['cd'.repeat(32)] }, facts(), null, 'hash'],
    ['a pinned key', { keyHashes: ['key='] }, facts(), null, 'accepted'],
    ['another key', { keyHashes: ['KEY='] }, facts(), null, 'hash'],
    [
      'a pinned key beside another certificate',
      { keyHashes: ['key='], certificateHashes: ['cd'.repeat(32)] },
      facts(),
      null,
      'accepted',
    ],
    ['pinned, but not trusted', { keyHashes: ['key='] }, facts(), 'CERT_REVOKED', 'chain'],
  ];
  for (const [name, config, peer, fault, expected] of cases)
    test(name, () => expect(decide(config, peer, fault)).toBe(expected));

  test('a regular expression that does not compile is a fault', () => {
    const compiled = compilePeerRule({ ...open, ...names('uri', { kind: 'regex', value: '(' }) });
    expect(compiled.ok).toBe(false);
  });

  test('a refusal names what the certificate says, shortened', () => {
    const rule = compilePeerRule({ ...open, ...names('uri', exact('a')) });
    const peer = facts(...Array.from({ length: 9 }, (_, at) => uri(`n${at}`)));
    expect(rule.ok && rule.value.decide(peer, null)?.message).toContain('(n0, n1, n2, n3, …)');
  });
});
