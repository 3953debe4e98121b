// TLS of listeners and clusters under Envoy's names. Those that speak none have no series.

import type { PrometheusWriter } from '../../../observe/index.ts';
import { type ListenerView, SslStats } from '../../stats/index.ts';
import type { AdminContext } from '../context.ts';
import { addressLabel } from './listener-address.ts';

type Ssl = SslStats;
type Labels = Readonly<Record<string, string>>;

interface Place {
  readonly labels: Labels;
  readonly ssl: Ssl;
}

const rows: readonly (readonly [name: string, help: string, value: (ssl: Ssl) => number])[] = [
  ['handshake', 'TLS handshakes that succeeded.', (ssl) => ssl.handshakes],
  ['session_reused', 'Of those, resumed ones.', (ssl) => ssl.sessionsReused],
  ['no_certificate', 'Of those, without a certificate of the peer.', (ssl) => ssl.noCertificate],
  [
    'connection_error',
    'Handshakes that failed otherwise than by a certificate.',
    (ssl) => ssl.connectionErrors,
  ],
  ['fail_verify_no_cert', 'Refused: no certificate.', (ssl) => ssl.failVerifyNoCert],
  ['fail_verify_error', 'Refused: not trusted, expired or revoked.', (ssl) => ssl.failVerifyError],
  ['fail_verify_san', 'Refused: another name.', (ssl) => ssl.failVerifySan],
  ['fail_verify_cert_hash', 'Refused: none of those pinned.', (ssl) => ssl.failVerifyCertHash],
];

export function* writeSslMetrics(writer: PrometheusWriter, { view }: AdminContext): Iterable<void> {
  const listeners = byAddress([...view.listeners.values()].filter(({ config }) => config.tls !== null));
  const clusters = [...view.clusters.values()]
    .filter(({ config }) => config.tls !== null)
    .map(({ config, stats }) => ({ labels: { envoy_cluster_name: config.statName }, ssl: stats.ssl }));
  writePlaces(writer, 'envoy_listener_ssl', listeners, 'envoy_ssl_cipher');
  if (writer.full) yield;
  writePlaces(writer, 'envoy_cluster_ssl', clusters, 'envoy_ssl_cipher_suite');
  yield;
}

function writePlaces(
  writer: PrometheusWriter,
  prefix: string,
  places: readonly Place[],
  cipher: string,
): void {
  if (places.length === 0) return;
  for (const [name, help, value] of rows) {
    writer.family(`${prefix}_${name}`, 'counter', help);
    for (const { labels, ssl } of places) writer.sample(labels, value(ssl));
  }
  writer.family(`${prefix}_ciphers`, 'counter', 'Handshakes by cipher.');
  for (const { labels, ssl } of places)
    for (const [name, count] of ssl.ciphers) writer.sample({ ...labels, [cipher]: name }, count);
  writer.family(`${prefix}_versions`, 'counter', 'Handshakes by version of TLS.');
  for (const { labels, ssl } of places)
    for (const [name, count] of ssl.versions) writer.sample({ ...labels, envoy_ssl_version: name }, count);
}

/** The filter chains of an address are one series. */
function byAddress(listeners: readonly ListenerView[]): readonly Place[] {
  const places = new Map<string, SslStats>();
  for (const { config, stats } of listeners) {
    const address = addressLabel(config);
    const ssl = places.get(address) ?? new SslStats();
    ssl.add(stats.ssl);
    places.set(address, ssl);
  }
  return [...places].map(([address, ssl]) => ({ labels: { envoy_listener_address: address }, ssl }));
}
