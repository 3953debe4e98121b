// x-forwarded-client-cert: what TLS proved of a caller, told to whom its request goes; and what callers say of
// themselves in it, which is believed only where the configuration says so. Envoy's modes and spelling
// (forward_client_cert_details, set_current_client_cert_details).

import type { SecureFacts } from '../../net/index.ts';
import { headerId, type RequestHead } from '../../wire/index.ts';
import type { ClientCertificateConfig } from '../config/types.ts';

const name = 'x-forwarded-client-cert';
const id = headerId[name];

/** Without a proven certificate of the caller's only ALWAYS_FORWARD_ONLY lets a received one pass: it may be forged. */
export function forwardClientCertificate(
  head: RequestHead,
  secure: SecureFacts | null,
  config: ClientCertificateConfig,
): void {
  const { mode } = config;
  if (mode === 'always-forward-only') return;
  const received = head.find(id) >= 0;
  const proven = secure?.verified === true && secure.peer !== null;
  if (proven && mode === 'forward-only') return;
  const before = received && proven && mode === 'append-forward' ? head.getName(name) : null;
  if (received) head.remove(id);
  if (!proven || mode === 'sanitize') return;
  const own = describeClient(secure, config);
  head.add(name, before === null || before === '' ? own : `${before},${own}`);
}

function describeClient(secure: SecureFacts, config: ClientCertificateConfig): string {
  const { peer, local } = secure;
  if (peer === null) return '';
  const uris = (names: typeof peer.sans) => names.filter(({ kind }) => kind === 'uri');
  const parts = uris(local?.sans ?? []).map(({ value }) => `By=${escapeName(value)}`);
  parts.push(`Hash=${peer.sha256}`);
  if (config.certificate) parts.push(`Cert="${escapePem(peer.pem)}"`);
  if (config.subject) parts.push(`Subject="${escapeQuoted(peer.subject)}"`);
  if (config.uri) {
    const named = uris(peer.sans).map(({ value }) => `URI=${escapeName(value)}`);
    parts.push(...(named.length === 0 ? ['URI='] : named));
  }
  if (config.dns)
    for (const { kind, value } of peer.sans) if (kind === 'dns') parts.push(`DNS=${escapeName(value)}`);
  return parts.join(';');
}

/** A name may hold what separates elements and keys; a reader must not see two where there is one. */
function escapeName(text: string): string {
  return text.replace(/[^!-~]|[",;]/g, percent);
}

/** Quotes in it are escaped already (RFC 2253). */
function escapeQuoted(text: string): string {
  return Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/[^ -~]/g, percent);
}

function escapePem(pem: string): string {
  return pem.replace(/[\n +/=]/g, percent);
}

function percent(unit: string): string {
  return `%${unit.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
