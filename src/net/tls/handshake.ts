// One handshake: what Bun is told to do, and what its end means. The other side is judged here and nowhere else: by the
// engine's error, never by its `ok` alone, which is true for a self-signed certificate.

import { BunTlsContext } from './bun-context.ts';
import { encodeAlpn, readPeer, readSecureFacts, type SecuredSocket } from './bun-facts.ts';
import type { SecureFacts, TlsClient, TlsRefusal, TlsServer } from './types.ts';

export type Role =
  | { readonly side: 'server'; readonly server: TlsServer }
  | { readonly side: 'client'; readonly client: TlsClient };

type Verdict =
  | { readonly ok: true; readonly facts: SecureFacts }
  | { readonly ok: false; readonly refusal: TlsRefusal };

/** Said of every name that is not in the certificate as DNS: names are matched by the judge. */
const nameFault = 'ERR_TLS_CERT_ALTNAME_INVALID';
const noPeerAlert = 'PEER_DID_NOT_RETURN_A_CERTIFICATE';

export class Handshake {
  private readonly role: Role;

  constructor(role: Role) {
    this.role = role;
  }

  get sessions(): TlsClient['sessions'] {
    return this.role.side === 'client' ? this.role.client.sessions : null;
  }

  /** For `tls` of Bun's calls. */
  get options(): object {
    const { context, alpn } = this.party;
    // A context of another network is a bug of the caller's.
    if (!(context instanceof BunTlsContext)) throw new Error('bug: a TLS context of another network');
    return {
      secureContext: context.native,
      // What the engine may refuse by itself is part of the context; it must not also refuse names.
      rejectUnauthorized: this.role.side === 'server' && context.options.peer === 'required',
      ...(this.role.side === 'server' && context.options.peer !== 'ignored' ? { requestCert: true } : {}),
      ...(alpn.length > 0 ? { ALPNProtocols: encodeAlpn(alpn) } : {}),
      ...(this.role.side === 'client' && this.role.client.serverName !== null
        ? { serverName: this.role.client.serverName }
        : {}),
    };
  }

  /** The handshake is over. Nothing may be sent before this has said yes. */
  judge(raw: SecuredSocket, ok: boolean, error: Error | null): Verdict {
    const code = error !== null && 'code' in error ? String(error.code) : '';
    if (!ok && !isVerdict(code)) return refused(describeFailure(error, code));
    const peer = readPeer(raw);
    // Without a certificate the engine's code says only that; whose absence is a fault, the judge knows.
    const fault = peer === null || code === nameFault || error === null ? null : code || error.message;
    const shown = peer === null || this.isTrusted() ? fault : 'no trusted authority';
    const refusal = this.party.judge.judge(peer, shown);
    if (refusal !== null) return refused(refusal);
    const verified = peer !== null && this.isTrusted() && fault === null;
    const { context, judge } = this.party;
    const verdict = {
      serverName: this.serverName(raw),
      verified,
      expected: verified && judge.exacting,
      local: context instanceof BunTlsContext ? context.leaf : null,
    };
    return { ok: true, facts: readSecureFacts(raw, peer, verdict) };
  }

  private get party(): TlsClient | TlsServer {
    return this.role.side === 'client' ? this.role.client : this.role.server;
  }

  /** Without authorities of its own the engine may have taken its built-in ones, which nobody here meant. */
  private isTrusted(): boolean {
    return this.party.context.options.trustedCa !== null;
  }

  private serverName(raw: SecuredSocket): string | null {
    if (this.role.side === 'client') return this.role.client.serverName;
    // Names of DNS have no case, and rules should not see one.
    return raw.getServername()?.toLowerCase() || null;
  }
}

/** The handshake is done and the engine did not like the certificate, or its names: `ok` may be either then. */
function isVerdict(code: string): boolean {
  return (
    code === nameFault ||
    /^(UNABLE_TO_|CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_(CA|PURPOSE)|PATH_LENGTH_|HOSTNAME_MISMATCH)/.test(
      code,
    )
  );
}

function refused(refusal: TlsRefusal): Verdict {
  return { ok: false, refusal };
}

/** The engine's text without its module and number: `UNSUPPORTED_PROTOCOL`. */
export function describeFailure(error: unknown, code = ''): TlsRefusal {
  const text = error instanceof Error ? error.message : '';
  const reason = /OPENSSL_internal:([A-Z0-9_]+)/.exec(text)?.[1] ?? (text || code || 'closed by the peer');
  if (reason === noPeerAlert) return { reason: 'no-certificate', message: 'the peer showed no certificate' };
  return { reason: 'handshake', message: reason.toLowerCase().replaceAll('_', ' ') };
}
