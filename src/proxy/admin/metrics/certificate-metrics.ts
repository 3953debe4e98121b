// When certificates expire, under Envoy's names: a dashboard's most watched figure of TLS.

import type { PrometheusWriter } from '../../../observe/index.ts';
import type { CertificateView } from '../../stats/index.ts';
import { expirySeconds, unnamedCertificate } from '../../tls/index.ts';
import type { AdminContext } from '../context.ts';
import { addressLabel } from './listener-address.ts';

type Labels = Readonly<Record<string, string>>;

export function* writeCertificateMetrics(writer: PrometheusWriter, { view }: AdminContext): Iterable<void> {
  const certificates = new Map(view.certificates().map((one) => [one.config, one] as const));
  if (certificates.size === 0) return;
  const places = (side: string, users: Iterable<readonly [Labels, CertificateView['config'] | null]>) => {
    writer.family(
      `envoy_${side}_ssl_certificate_expiration_unix_time_seconds`,
      'gauge',
      'When the certificate shown expires.',
    );
    const shown = new Set<string>();
    for (const [labels, config] of users) {
      const certificate = config === null ? undefined : certificates.get(config);
      const seconds = certificate === undefined ? null : expiryOf(certificate);
      if (seconds === null || certificate === undefined) continue;
      const all = { ...labels, envoy_tls_certificate: nameOf(certificate) };
      // Filter chains of one address may show the same.
      const key = JSON.stringify(all);
      if (!shown.has(key)) writer.sample(all, seconds);
      shown.add(key);
    }
  };
  places(
    'listener',
    [...view.listeners.values()].map(({ config }) => [
      { envoy_listener_address: addressLabel(config) },
      config.tls,
    ]),
  );
  places(
    'cluster',
    [...view.clusters.values()].map(({ config }) => [{ envoy_cluster_name: config.statName }, config.tls]),
  );
  yield;
}

/** Parsed once for each chain that a context ever had. */
const expiries = new WeakMap<
  CertificateView['config'],
  { readonly chain: string; readonly seconds: number }
>();

function expiryOf({ config, certificateChain: chain }: CertificateView): number | null {
  if (chain === null) return null;
  const known = expiries.get(config);
  if (known !== undefined && known.chain === chain) return known.seconds;
  const seconds = expirySeconds(chain);
  expiries.set(config, { chain, seconds });
  return seconds;
}

/** The secret's name; where there is none Envoy names it by a hash of its file's path. */
function nameOf({ config }: CertificateView): string {
  const { certificate } = config;
  if (certificate.kind === 'named') return certificate.name;
  const chain = certificate.kind === 'value' ? certificate.value.chain : null;
  const path = chain?.kind === 'file' ? chain.path : '';
  return unnamedCertificate(path);
}
