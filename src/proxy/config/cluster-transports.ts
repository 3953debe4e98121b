// Which transport an endpoint's connections have: the cluster's own, or that of the first match of its labels (Envoy's
// transport_socket_matches).

import type { SecretRef, TlsConfig, UpstreamTlsConfig } from './tls-types.ts';
import type { ClusterConfig, EndpointConfig, TransportMatch } from './types.ts';

/** Null: the cluster's own. */
export function matchTransport(
  { transportMatches }: ClusterConfig,
  { transportLabels }: EndpointConfig,
): TransportMatch | null {
  for (const match of transportMatches) {
    const fits = Object.entries(match.labels).every(
      ([key, value]) => transportLabels !== null && same(transportLabels[key], value),
    );
    if (fits) return match;
  }
  return null;
}

function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** All that its connections may speak, checks included. */
export function tlsConfigsOfCluster(config: ClusterConfig): readonly UpstreamTlsConfig[] {
  const { tls, downstreamProtocol, health, transportMatches } = config;
  const all = [tls, downstreamProtocol?.http1Tls, health?.tls];
  for (const match of transportMatches) all.push(match.tls, match.http1Tls);
  return all.filter((one) => one !== null && one !== undefined);
}

/** Names of the secrets that it takes to speak this TLS, and where they come from. */
export function namedSecretsOf(
  tls: TlsConfig | null,
): readonly Extract<SecretRef<unknown>, { kind: 'named' }>[] {
  if (tls === null) return [];
  const refs = [tls.certificate, ...tls.furtherCertificates, tls.validation];
  return refs.filter((ref) => ref.kind === 'named');
}
