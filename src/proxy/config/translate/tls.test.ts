import { describe, expect, test } from 'bun:test';
import { cluster, downstreamTls, httpListener, upstreamTls } from '../../testing/tls-proxy.ts';
import { parseBootstrap } from '../bootstrap.ts';

/** Faults as `path below the TLS context: rule`. */
function faults(transport: object, side: 'listener' | 'cluster', secrets: readonly object[] = []): string[] {
  const document = {
    static_resources: {
      secrets,
      listeners: [httpListener('l', 1, 'c', side === 'listener' ? transport : null)],
      clusters: [cluster('c', 2, side === 'cluster' ? transport : null)],
    },
  };
  const parsed = parseBootstrap(JSON.stringify(document), { fileName: 'f', version: '0' });
  const prefix = /^.*transport_socket\.typed_config\.?(common_tls_context\.?)?/;
  return parsed.ok ? [] : parsed.error.map(({ field, rule }) => `${field.replace(prefix, '')}: ${rule}`);
}

const inline = (text: string) => ({ inline_string: text });
const pair = { certificate_chain: inline('c'), private_key: inline('k') };
const context = (validation_context: object) => ({ tls_certificates: [pair], validation_context });
const uri = { san_type: 'URI', matcher: { exact: 'spiffe://x' } };

describe('what a TLS context may not say', () => {
  const cases: readonly (readonly [name: string, common: object, expected: readonly string[]])[] = [
    ['nothing wrong', context({ trusted_ca: inline('ca'), match_typed_subject_alt_names: [uri] }), []],
    ['no certificate', {}, [': must have a certificate: tls_certificates or its SDS config']],
    [
      'half a certificate',
      { tls_certificates: [{ certificate_chain: inline('c') }] },
      [
        'tls_certificates[0].private_key: must be set',
        ': must have a certificate: tls_certificates or its SDS config',
      ],
    ],
    ['two certificates', { tls_certificates: [pair, pair] }, []],
    [
      'names without trust',
      context({ match_typed_subject_alt_names: [uri] }),
      ['validation_context.trusted_ca: must be set where names are matched: else anybody may claim any'],
    ],
    [
      'a name of no kind',
      context({ trusted_ca: inline('ca'), match_typed_subject_alt_names: [{ matcher: { exact: 'x' } }] }),
      [
        'validation_context.match_typed_subject_alt_names[0].san_type: must be EMAIL, DNS, URI, IP_ADDRESS or OTHER_NAME',
      ],
    ],
    [
      'a regular expression that does not compile',
      context({
        trusted_ca: inline('ca'),
        match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { safe_regex: { regex: '(' } } }],
      }),
      [
        'validation_context.match_typed_subject_alt_names[0].matcher.safe_regex.regex: must be a regular expression of RE2: missing )',
      ],
    ],
    [
      'a pin of another length',
      context({ verify_certificate_hash: ['ab'] }),
      ['validation_context.verify_certificate_hash[0]: must be a SHA-256 in hexadecimal'],
    ],
    [
      'a key pin of another form',
      context({ verify_certificate_spki: ['ab'] }),
      ['validation_context.verify_certificate_spki[0]: must be a SHA-256 in base64'],
    ],
    [
      'expired certificates',
      context({ trusted_ca: inline('ca'), allow_expired_certificate: true }),
      ['validation_context.allow_expired_certificate: is supported as false only'],
    ],
    [
      'versions upside down',
      {
        tls_certificates: [pair],
        tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_2' },
      },
      ['tls_params: minimum version is above the maximum'],
    ],
    [
      'an empty signature algorithm',
      { tls_certificates: [pair], tls_params: { signature_algorithms: [''] } },
      ['tls_params.signature_algorithms[0]: must not be empty'],
    ],
    [
      'other names without their kind, kinds without other names, and no kind',
      context({
        trusted_ca: inline('ca'),
        match_typed_subject_alt_names: [
          { san_type: 'OTHER_NAME', matcher: { exact: 'x' } },
          { san_type: 'DNS', oid: '1.2.3', matcher: { exact: 'x' } },
          { san_type: 'OTHER_NAME', oid: '1.02', matcher: { exact: 'x' } },
          { san_type: 'DNS' },
        ],
      }),
      [
        'validation_context.match_typed_subject_alt_names[2].oid: must be an object identifier in dotted form',
        'validation_context.match_typed_subject_alt_names[0].oid: must be set with OTHER_NAME',
        'validation_context.match_typed_subject_alt_names[1].oid: must not be set but with OTHER_NAME',
        'validation_context.match_typed_subject_alt_names[3].matcher: must be set',
      ],
    ],
    [
      'what the engine cannot do is refused with the reason',
      {
        tls_certificates: [{ ...pair, ocsp_staple: inline('x'), pkcs12: inline('x') }],
        validation_context: { max_verify_depth: 2, only_verify_leaf_cert_crl: true },
        key_log: { path: '/x' },
      },
      [
        'tls_certificates[0].ocsp_staple: is not supported by Weft: the engine staples nothing',
        'tls_certificates[0].pkcs12: is not supported by Weft: its certificates cannot be shown or chosen from: convert it to PEM',
        'validation_context.max_verify_depth: is not supported by Weft: the engine’s own bound holds',
        'validation_context.only_verify_leaf_cert_crl: is not supported by Weft: the engine asks every authority of a chain for its CRL',
        'key_log: is not supported by Weft: the engine does not tell its keys',
      ],
    ],
    [
      'an empty source',
      context({ trusted_ca: {} }),
      ['validation_context.trusted_ca: one of filename, inline_bytes, inline_string must be set'],
    ],
  ];
  for (const [name, common, expected] of cases)
    test(name, () => expect(faults(downstreamTls(common), 'listener')).toEqual([...expected]));

  test('each side its own context', () => {
    const rule = 'must be RawBuffer or UpstreamTlsContext in a cluster';
    expect(faults(downstreamTls({ tls_certificates: [pair] }), 'cluster')).toEqual([`: ${rule}`]);
    expect(faults(upstreamTls({}), 'listener')).toEqual([
      ': must be RawBuffer or DownstreamTlsContext in a filter chain',
    ]);
  });

  test('keys of tickets, a lifetime that is no number of seconds', () => {
    const keys = { session_ticket_keys: { keys: [inline('x')] }, session_timeout: '1.5s' };
    expect(faults(downstreamTls({ tls_certificates: [pair] }, keys), 'listener')).toEqual([
      'session_ticket_keys: is not supported by Weft: the engine makes its own, and takes none',
      'session_timeout: must be whole seconds below 2^32',
    ]);
  });

  test('the name that is sent as the one that is expected, without trust', () => {
    expect(faults(upstreamTls({}, { auto_sni_san_validation: true }), 'cluster')).toEqual([
      'auto_sni_san_validation: must come with a validation context: without trust anybody may claim any name',
    ]);
  });

  test('two certificates of a client', () => {
    expect(faults(upstreamTls({ tls_certificates: [pair, pair] }), 'cluster')).toEqual([
      'tls_certificates: must be at most one certificate for a client',
    ]);
  });

  test('a secret that nobody will bring', () => {
    const named = (more: object) =>
      downstreamTls({ tls_certificate_sds_secret_configs: [{ name: 's', ...more }] });
    expect(faults(named({}), 'listener')[0]).toContain(
      'names a secret that static_resources.secrets does not hold',
    );
    expect(faults(named({ sds_config: { ads: {} } }), 'listener')[0]).toContain(
      'ads_config: must be set: listener l has the secret s by ADS',
    );
    expect(faults(named({}), 'listener', [{ name: 's', tls_certificate: pair }])).toEqual([]);
  });
});
