// Tables: envoy.extensions.transport_sockets: what a filter chain or a cluster says of TLS, and the secrets that SDS
// delivers.

import { configSource, proxyProtocolConfig, stringMatcher } from './core.ts';
import { atMost, f, forPeople, message, notEmpty, only, required } from './field.ts';

export const tlsDataSource = message(
  'envoy.config.core.v3.DataSource',
  { filename: f.string(1, '', notEmpty), inline_bytes: f.bytes(2), inline_string: f.string(3) },
  [['filename', 'inline_bytes', 'inline_string']],
);

const watchedDirectory = message('envoy.config.core.v3.WatchedDirectory', {
  path: f.string(1, 'no effect: the folders of named files are watched in any case', required),
});

const versions = { TLS_AUTO: 0, TLSv1_0: 1, TLSv1_1: 2, TLSv1_2: 3, TLSv1_3: 4 };

const tlsParameters = message('envoy.extensions.transport_sockets.tls.v3.TlsParameters', {
  tls_minimum_protocol_version: f.enum(1, versions, 'default TLSv1_2'),
  tls_maximum_protocol_version: f.enum(2, versions, 'default TLSv1_3 (Envoy, as a client: TLSv1_2)'),
  cipher_suites: f.repeated(f.string(3, 'of TLS 1.2 and older, one name each', notEmpty)),
  ecdh_curves: f.repeated(f.string(4, '', notEmpty)),
  signature_algorithms: f.repeated(f.string(5, 'as BoringSSL names them', notEmpty)),
});

export const tlsCertificate = message('envoy.extensions.transport_sockets.tls.v3.TlsCertificate', {
  certificate_chain: f.message(1, tlsDataSource),
  private_key: f.message(2, tlsDataSource),
  watched_directory: f.message(7, watchedDirectory, 'the folders of named files are watched in any case'),
  password: f.message(3, tlsDataSource, 'of the private key'),
  pkcs12: f.refused(8, 'its certificates cannot be shown or chosen from: convert it to PEM'),
  ocsp_staple: f.refused(4, 'the engine staples nothing'),
  signed_certificate_timestamp: f.repeated(f.refused(5, 'Envoy does not implement it either')),
  private_key_provider: f.refused(6, 'keys are used by the engine alone'),
});

const subjectAltNameMatcher = message('envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher', {
  san_type: f.enum(
    1,
    { SAN_TYPE_UNSPECIFIED: 0, EMAIL: 1, DNS: 2, URI: 3, IP_ADDRESS: 4, OTHER_NAME: 5 },
    'default none: one must be given',
  ),
  matcher: f.message(2, stringMatcher),
  oid: f.string(3, 'with OTHER_NAME: of names whose value is a string', isObjectId),
});

function isObjectId(value: string): string | null {
  return /^[0-2](\.(0|[1-9]\d*))+$/.test(value) ? null : 'must be an object identifier in dotted form';
}

function isKeyHash(value: string): string | null {
  return /^[A-Za-z0-9+/]{43}=$/.test(value) ? null : 'must be a SHA-256 in base64';
}

function isCertificateHash(value: string): string | null {
  const hex = value.replaceAll(':', '');
  return /^[0-9a-fA-F]{64}$/.test(hex) ? null : 'must be a SHA-256 in hexadecimal';
}

export const certificateValidationContext = message(
  'envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext',
  {
    trusted_ca: f.message(1, tlsDataSource),
    watched_directory: f.message(11, watchedDirectory, 'the folders of named files are watched in any case'),
    verify_certificate_spki: f.repeated(f.string(3, '', isKeyHash)),
    verify_certificate_hash: f.repeated(f.string(2, '', isCertificateHash)),
    match_typed_subject_alt_names: f.repeated(f.message(15, subjectAltNameMatcher)),
    match_subject_alt_names: f.repeated(f.message(9, stringMatcher, 'names of every kind')),
    crl: f.message(7, tlsDataSource),
    // The engine stops at the first fault it meets: an expired authority would hide a forged signature below it.
    allow_expired_certificate: f.bool(8, 'false', only(false)),
    system_root_certs: f.message(
      17,
      message('envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext.SystemRootCerts', {}),
      'where trusted_ca is not set (Envoy: no effect)',
    ),
    max_verify_depth: f.refused(16, 'the engine’s own bound holds'),
    only_verify_leaf_cert_crl: f.refused(14, 'the engine asks every authority of a chain for its CRL'),
    require_signed_certificate_timestamp: f.refused(6, 'Envoy does not implement it either'),
    trust_chain_verification: f.enum(
      10,
      { VERIFY_TRUST_CHAIN: 0, ACCEPT_UNTRUSTED: 1 },
      'ACCEPT_UNTRUSTED: whatever is shown, names and pins too; what is not proven is no principal',
    ),
  },
);

export const sdsSecretConfig = message('envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig', {
  name: f.string(1, '', required),
  sds_config: f.message(2, configSource, 'without it a secret of static_resources'),
});

const combinedContext = message(
  'envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext',
  {
    default_validation_context: f.message(1, certificateValidationContext),
    validation_context_sds_secret_config: f.message(2, sdsSecretConfig),
  },
);

export const commonTlsContext = message(
  'envoy.extensions.transport_sockets.tls.v3.CommonTlsContext',
  {
    tls_params: f.message(1, tlsParameters),
    tls_certificates: f.repeated(f.message(2, tlsCertificate, 'of clients at most one')),
    tls_certificate_sds_secret_configs: f.repeated(f.message(6, sdsSecretConfig, 'of clients at most one')),
    validation_context: f.message(3, certificateValidationContext),
    validation_context_sds_secret_config: f.message(7, sdsSecretConfig),
    combined_validation_context: f.message(8, combinedContext),
    alpn_protocols: f.repeated(f.string(4, 'a client that offers none of them goes on without', notEmpty)),
    key_log: f.refused(15, 'the engine does not tell its keys'),
    custom_handshaker: f.refused(13, 'the handshake is the engine’s'),
  },
  [['validation_context', 'validation_context_sds_secret_config', 'combined_validation_context']],
);

/** A ticket names its lifetime in 32 bits of seconds. */
function wholeSeconds(ms: number): string | null {
  return ms % 1000 === 0 && ms < 2 ** 32 * 1000 ? null : 'must be whole seconds below 2^32';
}

export const downstreamTlsContext = message(
  'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
  {
    common_tls_context: f.message(1, commonTlsContext),
    require_client_certificate: f.boolValue(
      2,
      'without a validation context nobody is trusted (Envoy: everybody, as nothing is asked for)',
    ),
    require_sni: f.boolValue(3, 'Envoy: no effect'),
    disable_stateless_session_resumption: f.bool(7),
    disable_stateful_session_resumption: f.bool(10, 'there is none: sessions are tickets'),
    session_timeout: f.duration(6, 'whole seconds; default 2h', wholeSeconds),
    session_ticket_keys: f.refused(4, 'the engine makes its own, and takes none'),
    session_ticket_keys_sds_secret_config: f.refused(5, 'the engine makes its own, and takes none'),
    ocsp_staple_policy: f.enum(
      8,
      { LENIENT_STAPLING: 0, STRICT_STAPLING: 1, MUST_STAPLE: 2 },
      'LENIENT_STAPLING',
      only('LENIENT_STAPLING'),
    ),
    full_scan_certs_on_sni_mismatch: f.boolValue(9),
  },
);

function isSni(value: string): string | null {
  return value.length <= 255 ? null : 'must be at most 255 bytes';
}

export const upstreamTlsContext = message('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
  common_tls_context: f.message(1, commonTlsContext),
  sni: f.string(2, '', isSni),
  allow_renegotiation: f.bool(3, 'false', only(false)),
  max_session_keys: f.uint32Value(4, 'default 1; 0 resumes nothing', atMost(1024)),
  enforce_rsa_key_usage: f.boolValue(5, 'the engine always does'),
  auto_host_sni: f.bool(6, 'the endpoint’s hostname, or the name of a DNS cluster, where there is one'),
  auto_sni_san_validation: f.bool(7, 'in place of the names that are to be matched'),
});

export const rawBuffer = message('envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer', {});

const innerSocket = message('envoy.config.core.v3.TransportSocket', {
  name: f.string(1, forPeople),
  typed_config: f.any(3, [rawBuffer, upstreamTlsContext], 'RawBuffer, UpstreamTlsContext'),
});

export const upstreamProxyHeader = message(
  'envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport',
  {
    config: f.message(1, proxyProtocolConfig),
    transport_socket: f.message(2, innerSocket),
  },
);

export const transportSocket = message('envoy.config.core.v3.TransportSocket', {
  name: f.string(1, forPeople),
  typed_config: f.any(
    3,
    [rawBuffer, downstreamTlsContext, upstreamTlsContext, upstreamProxyHeader],
    'RawBuffer; DownstreamTlsContext in filter chains, UpstreamTlsContext and ProxyProtocolUpstreamTransport in clusters',
  ),
});

export const secret = message(
  'envoy.extensions.transport_sockets.tls.v3.Secret',
  {
    name: f.string(1),
    tls_certificate: f.message(2, tlsCertificate),
    validation_context: f.message(4, certificateValidationContext),
    session_ticket_keys: f.refused(3, 'the engine makes its own, and takes none'),
  },
  [['tls_certificate', 'validation_context']],
);
