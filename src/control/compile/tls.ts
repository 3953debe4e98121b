// TLS of a gateway's listeners and of clusters: what proxies show each side, and whom they take. Certificates are named
// here and come by themselves (SDS over ADS), so that one is replaced without a listener or a cluster being built anew.

import { create } from '@bufbuild/protobuf';
import {
  CertificateValidationContext_TrustChainVerification,
  CertificateValidationContextSchema,
  DownstreamTlsContextSchema,
  type Secret,
  SecretSchema,
  SubjectAltNameMatcher_SanType,
  type TransportSocket,
  TransportSocketSchema,
  UpstreamTlsContextSchema,
} from '../../xds/api.ts';
import type {
  BackendTlsModel,
  ClientValidationModel,
  SecretModel,
  TerminationModel,
} from '../model/types.ts';
import { fromAds, packAny } from './messages.ts';

export const transportSocketName = 'envoy.transport_sockets.tls';

export function compileTermination(
  { certificates, clients }: TerminationModel,
  alpnProtocols: string[],
): TransportSocket {
  const context = packAny(DownstreamTlsContextSchema, {
    ...(clients === null || clients.optional ? {} : { requireClientCertificate: true }),
    commonTlsContext: {
      alpnProtocols,
      tlsCertificateSdsSecretConfigs: certificates.map(({ name }) => secretByName(name)),
      ...(clients === null ? {} : { validationContextType: compileClients(clients) }),
    },
  });
  return create(TransportSocketSchema, {
    name: transportSocketName,
    configType: { case: 'typedConfig', value: context },
  });
}

function secretByName(name: string) {
  return { name, sdsConfig: fromAds() };
}

function compileClients({ authorities, optional }: ClientValidationModel) {
  return {
    case: 'validationContext' as const,
    value: {
      trustedCa: { specifier: { case: 'inlineString' as const, value: authorities } },
      ...(optional
        ? { trustChainVerification: CertificateValidationContext_TrustChainVerification.ACCEPT_UNTRUSTED }
        : {}),
    },
  };
}

const systemAuthorities = '/etc/ssl/certs/ca-certificates.crt';

/** TLS towards a Service's pods. `identity`: the name of the certificate that they are shown; null: none. */
export function compileOrigination(
  { serverName, names, authorities }: BackendTlsModel,
  identity: string | null,
): TransportSocket {
  const { DNS, URI } = SubjectAltNameMatcher_SanType;
  const system = authorities === '';
  const validation = create(CertificateValidationContextSchema, {
    trustedCa: {
      specifier: system
        ? { case: 'filename', value: systemAuthorities }
        : { case: 'inlineString', value: authorities },
    },
    matchTypedSubjectAltNames: names.map(({ type, value }) => ({
      sanType: type === 'URI' ? URI : DNS,
      matcher: { matchPattern: { case: 'exact' as const, value } },
    })),
  });
  const context = packAny(UpstreamTlsContextSchema, {
    sni: serverName,
    commonTlsContext: {
      validationContextType: { case: 'validationContext', value: validation },
      ...(identity === null ? {} : { tlsCertificateSdsSecretConfigs: [secretByName(identity)] }),
    },
  });
  return create(TransportSocketSchema, {
    name: transportSocketName,
    configType: { case: 'typedConfig', value: context },
  });
}

export function compileSecret({ name, certificate, privateKey }: SecretModel): Secret {
  const inline = (value: string) => ({ specifier: { case: 'inlineString' as const, value } });
  return create(SecretSchema, {
    name,
    type: {
      case: 'tlsCertificate',
      value: { certificateChain: inline(certificate), privateKey: inline(privateKey) },
    },
  });
}
