// What Envoy's tools ask of the process: memory, certificates, what still warms, how it was started. Where Weft has no
// such thing the page says so in Envoy's own shape, so that a script which asks every page goes on.

import { describeCertificates } from '../../tls/index.ts';
import type { AdminContext } from '../context.ts';
import { type AdminReply, json, text } from '../reply.ts';

/** envoy.admin.v3.Memory, of the collector's heap. */
export function memoryPage({ process: host }: AdminContext): AdminReply {
  if (host === null) return text('no process: simulated\n', 404);
  const { used, total } = host.heapBytes();
  return json({
    allocated: `${used}`,
    heap_size: `${total}`,
    pageheap_unmapped: '0',
    pageheap_free: `${Math.max(0, total - used)}`,
    total_physical_bytes: `${host.residentBytes()}`,
  });
}

/** envoy.admin.v3.Certificates: authorities and own chains in use; never a key. */
export function certificatesPage({ view, clock }: AdminContext): AdminReply {
  const describe = (pem: string | null, path: string) =>
    pem === null ? [] : describeCertificates(pem, path, clock.wall());
  return json({
    certificates: view.certificates().map(({ certificateChain, trustedCa, paths }) => ({
      ca_cert: describe(trustedCa, paths.trustedCa),
      cert_chain: describe(certificateChain, paths.certificateChain),
    })),
  });
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
