// Transport sockets and secrets to what they mean.

import type { TlsVersion } from '../../../net/index.ts';
import type { PeerNameKind, PeerNameMatch, StringMatch } from '../../../policy/index.ts';
import {
  type certificateValidationContext,
  type commonTlsContext,
  downstreamTlsContext,
  type Faults,
  join,
  type MessageOf,
  rawBuffer,
  type sdsSecretConfig,
  type secret,
  type tlsCertificate,
  type tlsDataSource,
  type transportSocket,
  unpack,
  upstreamTlsContext,
} from '../schema/index.ts';
import type {
  CertificateConfig,
  DownstreamTlsConfig,
  SecretConfig,
  SecretRef,
  TextSource,
  TlsConfig,
  UpstreamTlsConfig,
  ValidationConfig,
} from '../tls-types.ts';
import { translateConfigSource } from './config-source.ts';
import { translateString } from './string-match.ts';

type TransportSocket = MessageOf<typeof transportSocket>;
type Common = MessageOf<typeof commonTlsContext>;
type Validation = MessageOf<typeof certificateValidationContext>;

const sessionsMaxDefault = 1;

/** Null: connections are plain. */
export function translateDownstreamTransport(
  socket: TransportSocket | undefined,
  path: string,
  faults: Faults,
): DownstreamTlsConfig | null {
  const config = socket?.typed_config;
  if (socket === undefined || unpack(config, rawBuffer) !== null) return null;
  const at = join(path, 'typed_config');
  const context = unpack(config, downstreamTlsContext);
  if (context === null) {
    if (config === undefined || config.value !== null)
      faults.add(at, 'must be RawBuffer or DownstreamTlsContext in a filter chain', config?.type);
    return null;
  }
  const common = translateCommon(context.common_tls_context, join(at, 'common_tls_context'), faults);
  if (common.certificate.kind === 'none')
    faults.add(join(at, 'common_tls_context'), 'must have a certificate: tls_certificates or its SDS config');
  return {
    ...common,
    side: 'server',
    requireClientCertificate: context.require_client_certificate === true,
    requireSni: context.require_sni === true,
    resumption: context.disable_stateless_session_resumption !== true,
    sessionSeconds: context.session_timeout === undefined ? null : context.session_timeout / 1000,
    scansAll: context.full_scan_certs_on_sni_mismatch === true,
  };
}

/** Null: connections are plain. */
export function translateUpstreamTransport(
  socket: TransportSocket | undefined,
  path: string,
  faults: Faults,
): UpstreamTlsConfig | null {
  const config = socket?.typed_config;
  if (socket === undefined || unpack(config, rawBuffer) !== null) return null;
  const at = join(path, 'typed_config');
  const context = unpack(config, upstreamTlsContext);
  if (context !== null) return translateUpstreamTls(context, at, faults);
  if (config === undefined || config.value !== null)
    faults.add(at, 'must be RawBuffer or UpstreamTlsContext in a cluster', config?.type);
  return null;
}

function translateUpstreamTls(
  context: MessageOf<typeof upstreamTlsContext>,
  path: string,
  faults: Faults,
): UpstreamTlsConfig {
  const common = translateCommon(context.common_tls_context, join(path, 'common_tls_context'), faults);
  if (common.furtherCertificates.length > 0)
    faults.add(
      join(path, 'common_tls_context.tls_certificates'),
      'must be at most one certificate for a client',
    );
  if (context.auto_sni_san_validation === true && common.validation.kind === 'none')
    faults.add(
      join(path, 'auto_sni_san_validation'),
      'must come with a validation context: without trust anybody may claim any name',
      true,
    );
  return {
    ...common,
    side: 'client',
    sni: context.sni ?? '',
    sniIsHost: context.auto_host_sni === true,
    sniIsExpected: context.auto_sni_san_validation === true,
    sessionsMax: context.max_session_keys ?? sessionsMaxDefault,
  };
}

function translateCommon(common: Common | undefined, path: string, faults: Faults): TlsConfig {
  const parameters = common?.tls_params;
  const [versionMin, versionMax] = [
    translateVersion(parameters?.tls_minimum_protocol_version),
    translateVersion(parameters?.tls_maximum_protocol_version),
  ];
  if (versionMin !== null && versionMax !== null && versionMin > versionMax)
    faults.add(join(path, 'tls_params'), 'minimum version is above the maximum', versionMin);
  const [certificate = { kind: 'none' }, ...furtherCertificates] = translateCertificates(
    common,
    path,
    faults,
  );
  return {
    certificate,
    furtherCertificates,
    validation: translateValidations(common, path, faults),
    alpn: common?.alpn_protocols ?? [],
    versionMin,
    versionMax,
    ciphers: parameters?.cipher_suites ?? [],
    curves: parameters?.ecdh_curves ?? [],
    signatureAlgorithms: parameters?.signature_algorithms ?? [],
  };
}

function translateVersion(version: string | undefined): TlsVersion | null {
  switch (version) {
    case 'TLSv1_0':
      return 'TLSv1';
    case 'TLSv1_1':
      return 'TLSv1.1';
    case 'TLSv1_2':
      return 'TLSv1.2';
    case 'TLSv1_3':
      return 'TLSv1.3';
    default:
      return null;
  }
}

/** The written ones first, in their order. */
function translateCertificates(
  common: Common | undefined,
  path: string,
  faults: Faults,
): readonly SecretRef<CertificateConfig>[] {
  const written = (common?.tls_certificates ?? []).flatMap(
    (certificate, index): readonly SecretRef<CertificateConfig>[] => {
      const at = `${join(path, 'tls_certificates')}[${index}]`;
      const value = translateCertificate(certificate, at, faults);
      return value === null ? [] : [{ kind: 'value', value }];
    },
  );
  const named = (common?.tls_certificate_sds_secret_configs ?? []).map((config, index) => {
    const at = `${join(path, 'tls_certificate_sds_secret_configs')}[${index}]`;
    return translateNamed<CertificateConfig>(config, null, at, faults);
  });
  return [...written, ...named];
}

function translateCertificate(
  certificate: MessageOf<typeof tlsCertificate>,
  path: string,
  faults: Faults,
): CertificateConfig | null {
  const chain = translateSource(certificate.certificate_chain, join(path, 'certificate_chain'), faults);
  const key = translateSource(certificate.private_key, join(path, 'private_key'), faults);
  if (chain === null) faults.add(join(path, 'certificate_chain'), 'must be set');
  if (key === null) faults.add(join(path, 'private_key'), 'must be set');
  const password = translateSource(certificate.password, join(path, 'password'), faults);
  return chain === null || key === null ? null : { chain, key, password };
}

function translateValidations(
  common: Common | undefined,
  path: string,
  faults: Faults,
): SecretRef<ValidationConfig> {
  if (common?.validation_context !== undefined) {
    const at = join(path, 'validation_context');
    const value = translateValidation(common.validation_context, at, faults);
    if (value.trustedCa === null && value.names.length > 0)
      faults.add(join(at, 'trusted_ca'), 'must be set where names are matched: else anybody may claim any');
    return { kind: 'value', value };
  }
  const combined = common?.combined_validation_context;
  if (combined === undefined) {
    const named = common?.validation_context_sds_secret_config;
    return translateNamed<ValidationConfig>(
      named,
      null,
      join(path, 'validation_context_sds_secret_config'),
      faults,
    );
  }
  const at = join(path, 'combined_validation_context');
  const named = combined.validation_context_sds_secret_config;
  if (named === undefined) faults.add(join(at, 'validation_context_sds_secret_config'), 'must be set');
  const defaults = translateValidation(
    combined.default_validation_context,
    join(at, 'default_validation_context'),
    faults,
  );
  return translateNamed(named, defaults, join(at, 'validation_context_sds_secret_config'), faults);
}

function translateNamed<T>(
  named: MessageOf<typeof sdsSecretConfig> | undefined,
  defaults: T | null,
  path: string,
  faults: Faults,
): SecretRef<T> {
  if (named === undefined) return { kind: 'none' };
  const { name = '', sds_config } = named;
  if (sds_config === undefined) return { kind: 'named', name, source: null, defaults };
  const source = translateConfigSource(sds_config, join(path, 'sds_config'), faults);
  if (source.kind === 'file') return { kind: 'file', name, path: source.path, defaults };
  return { kind: 'named', name, source, defaults };
}

function translateValidation(
  context: Validation | undefined,
  path: string,
  faults: Faults,
): ValidationConfig {
  const names = [
    ...(context?.match_typed_subject_alt_names ?? []).map((entry, index) =>
      translateName(entry, `${join(path, 'match_typed_subject_alt_names')}[${index}]`, faults),
    ),
    ...(context?.match_subject_alt_names ?? []).map((matcher, index): PeerNameMatch => {
      const at = `${join(path, 'match_subject_alt_names')}[${index}]`;
      return { kind: null, match: translateString(matcher, at, faults) };
    }),
  ];
  const written = translateSource(context?.trusted_ca, join(path, 'trusted_ca'), faults);
  const trustedCa =
    written === null && context?.system_root_certs !== undefined ? ({ kind: 'system' } as const) : written;
  return {
    trustedCa,
    crl: translateSource(context?.crl, join(path, 'crl'), faults),
    acceptsUntrusted: context?.trust_chain_verification === 'ACCEPT_UNTRUSTED',
    names,
    certificateHashes: (context?.verify_certificate_hash ?? []).map((hash) =>
      hash.replaceAll(':', '').toLowerCase(),
    ),
    keyHashes: context?.verify_certificate_spki ?? [],
  };
}

const nameKinds: Readonly<Record<string, PeerNameKind>> = {
  EMAIL: 'email',
  DNS: 'dns',
  URI: 'uri',
  IP_ADDRESS: 'ip',
};

function translateName(
  entry: Validation['match_typed_subject_alt_names'][number],
  path: string,
  faults: Faults,
): PeerNameMatch {
  const match = translateMatcher(entry.matcher, join(path, 'matcher'), faults);
  if (entry.san_type === 'OTHER_NAME') {
    if (entry.oid === undefined) faults.add(join(path, 'oid'), 'must be set with OTHER_NAME');
    return { kind: 'other', oid: entry.oid ?? '', match };
  }
  if (entry.oid !== undefined)
    faults.add(join(path, 'oid'), 'must not be set but with OTHER_NAME', entry.oid);
  const kind = nameKinds[entry.san_type ?? ''] ?? null;
  if (kind === null) faults.add(join(path, 'san_type'), 'must be EMAIL, DNS, URI, IP_ADDRESS or OTHER_NAME');
  return { kind, match };
}

function translateMatcher(
  matcher: Validation['match_subject_alt_names'][number] | undefined,
  path: string,
  faults: Faults,
): StringMatch {
  if (matcher !== undefined) return translateString(matcher, path, faults);
  faults.add(path, 'must be set');
  return { kind: 'present' };
}

function translateSource(
  source: MessageOf<typeof tlsDataSource> | undefined,
  path: string,
  faults: Faults,
): TextSource | null {
  if (source === undefined) return null;
  if (source.filename !== undefined) return { kind: 'file', path: source.filename };
  const text =
    source.inline_string ?? (source.inline_bytes && Buffer.from(source.inline_bytes).toString('utf8'));
  if (text !== undefined && text !== '') return { kind: 'inline', text };
  faults.add(path, 'one of filename, inline_bytes, inline_string must be set');
  return null;
}

/** Null after faults. */
export function translateSecret(
  message: MessageOf<typeof secret>,
  path: string,
  faults: Faults,
): SecretConfig | null {
  if (message.tls_certificate !== undefined) {
    const value = translateCertificate(message.tls_certificate, join(path, 'tls_certificate'), faults);
    return value === null ? null : { kind: 'certificate', value };
  }
  if (message.validation_context !== undefined) {
    const at = join(path, 'validation_context');
    return { kind: 'validation', value: translateValidation(message.validation_context, at, faults) };
  }
  faults.add(path, 'one of tls_certificate, validation_context must be set');
  return null;
}
