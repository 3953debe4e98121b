import { describe, expect, test } from 'bun:test';
import { parseSecretFile } from './secret-file.ts';

const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
const tls_certificate = { certificate_chain: { filename: '/c' }, private_key: { inline_string: 'KEY' } };
const certificate = { '@type': type, name: 'own', tls_certificate };

function parse(document: unknown, name = 'own') {
  return parseSecretFile(typeof document === 'string' ? document : JSON.stringify(document), name);
}

test('the secret of that name, or the one without a name, in JSON or YAML', () => {
  const expected = {
    kind: 'certificate',
    value: { chain: { kind: 'file', path: '/c' }, key: { kind: 'inline', text: 'KEY' }, password: null },
  } as const;
  const other = { '@type': type, name: 'other', validation_context: {} };
  expect(parse({ version_info: '1', resources: [other, certificate] })).toEqual({
    ok: true,
    value: expected,
  });
  const { name: _name, ...unnamed } = certificate;
  expect(parse({ resources: [unnamed] })).toEqual({ ok: true, value: expected });
  const yaml = `resources:\n- "@type": ${type}\n  name: ca\n  validation_context: { trusted_ca: { filename: /ca } }\n`;
  const parsed = parse(yaml, 'ca');
  expect(parsed.ok && parsed.value.kind).toBe('validation');
});

describe('a file is refused that', () => {
  const cases: readonly (readonly [name: string, document: unknown, fault: string])[] = [
    ['is no document', '{', 'is no DiscoveryResponse in JSON or YAML'],
    ['is another document', { secrets: [] }, 'is no DiscoveryResponse in JSON or YAML'],
    ['lacks the secret', { resources: [{ ...certificate, name: 'x' }] }, 'does not hold the secret own'],
    ['has it twice', { resources: [certificate, certificate] }, 'holds the secret own twice'],
    [
      'holds something else',
      { resources: [{ ...certificate, '@type': 'x' }] },
      `holds x, and must hold ${type}`,
    ],
    [
      'has a secret at fault, without a word of its key',
      { resources: [{ ...certificate, tls_certificate: { private_key: { inline_string: 'KEY' } } }] },
      'is refused: own: tls_certificate.certificate_chain: must be set',
    ],
  ];
  for (const [name, document, fault] of cases)
    test(name, () => {
      const parsed = parse(document);
      expect(parsed.ok ? '' : parsed.error).toBe(fault);
    });
});
