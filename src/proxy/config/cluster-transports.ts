// Which transport an endpoint's connections have: the cluster's own, or that of the first match of its labels (Envoy's
// transport_socket_matches).

import type { Labels } from '../../policy/index.ts';
import type { SecretRef, TlsConfig, UpstreamTlsConfig } from './tls-types.ts';
import type { ClusterConfig, TransportMatch } from './types.ts';

/** By what an endpoint, or its checks, are labelled with. Null: the cluster's own. */
export function matchTransport(
  { transportMatches }: Pick<ClusterConfig, 'transportMatches'>,
  transportLabels: Labels | null,
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

/** Of an endpoint's health checks; null: they are plain. */
export function checkTlsOf(config: ClusterConfig, endpointLabels: Labels | null): UpstreamTlsConfig | null {
  const { health, transportMatches } = config;
  const labels = health?.transportLabels ?? endpointLabels;
  const match = transportMatches.length === 0 ? null : matchTransport(config, labels);
  return match === null ? (health?.tls ?? null) : match.checkTls;
}

/** All that its connections may speak, checks included. */
export function tlsConfigsOfCluster(config: ClusterConfig): readonly UpstreamTlsConfig[] {
  const { tls, downstreamProtocol, health, transportMatches } = config;
  const all = [tls, downstreamProtocol?.http1Tls, health?.tls];
  for (const match of transportMatches) all.push(match.tls, match.http1Tls, match.checkTls);
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
