// What Envoy's tools ask of the process: memory, certificates, what still warms, how it was started. Where Weft has no such thing the page says so
// in Envoy's own shape, so that a script which asks every page goes on.

import { X509Certificate } from 'node:crypto';
import type { AdminContext } from '../context.ts';
import { type AdminReply, json, text } from '../reply.ts';

/** envoy.admin.v3.Memory, of the collector's heap. */
export function memoryPage({ process }: AdminContext): AdminReply {
  if (process === null) return text('no process: simulated\n', 404);
  const { used, total } = process.heapBytes();
  return json({
    allocated: `${used}`,
    heap_size: `${total}`,
    pageheap_unmapped: '0',
    pageheap_free: `${Math.max(0, total - used)}`,
    total_physical_bytes: `${process.residentBytes()}`,
  });
}

/** envoy.admin.v3.Certificates: authorities and own chains in use; never a key. */
export function certificatesPage({ view, clock }: AdminContext): AdminReply {
  const describe = (pem: string) => describeCertificates(pem, clock.wall());
  return json({
    certificates: view.certificates().map(({ certificateChain, trustedCa }) => ({
      ca_cert: trustedCa === null ? [] : describe(trustedCa),
      cert_chain: certificateChain === null ? [] : describe(certificateChain),
    })),
  });
}

const dayMs = 86_400_000;

function describeCertificates(pem: string, nowMs: number): readonly object[] {
  const texts = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return texts.map((one) => {
    const certificate = new X509Certificate(one);
    const untilMs = Date.parse(certificate.validTo);
    return {
      path: '<inline>',
      serial_number: certificate.serialNumber.toLowerCase(),
      subject_alt_names: (certificate.subjectAltName ?? '').split(', ').flatMap(describeName),
      days_until_expiration: `${Math.max(0, Math.floor((untilMs - nowMs) / dayMs))}`,
      valid_from: new Date(Date.parse(certificate.validFrom)).toISOString(),
      expiration_time: new Date(untilMs).toISOString(),
    };
  });
}

function describeName(name: string): readonly object[] {
  const colon = name.indexOf(':');
  const [kind, value] = [name.slice(0, colon), name.slice(colon + 1)];
  if (kind === 'DNS') return [{ dns: value }];
  if (kind === 'URI') return [{ uri: value }];
  return kind === 'IP Address' ? [{ ip_address: value }] : [];
}

/** envoy.admin.v3.UnreadyTargetsDumps: what still waits. */
export function initDumpPage({ config }: AdminContext): AdminReply {
  const { clusters, listeners } = config.warmingNames;
  const dump = (name: string, targets: readonly string[]) => ({ name, target_names: targets });
  return json({ unready_targets_dumps: [dump('clusters', clusters), dump('listeners', listeners)] });
}

/** No layer of runtime values is read: what Envoy would take from one is refused in the bootstrap. */
export function runtimePage(): AdminReply {
  return json({ layers: [], entries: {} });
}

/** Envoy counts waits for its mutexes; one thread has none. */
export function contentionPage(): AdminReply {
  return text('Mutex contention tracing is not enabled. There is one thread, and no mutex.\n');
}

/** Two processes hand sockets over if they say the same. */
export function hotRestartVersionPage({ version }: AdminContext): AdminReply {
  return text(`weft ${version}\n`);
}
