// What the control plane shows to those who connect by TLS, and whose certificates it takes from them. A new
// certificate holds for the next connection; open ones keep theirs, so that nobody is dropped for it.

import { type Clock, type Log, Timer, type TimerHandler } from '../../base/index.ts';
import type { Network, PeerJudge, TlsServer } from '../../net/index.ts';
import { checkPair, issueServer, type KeyedCertificate } from './certificates.ts';
import { authorityLimits } from './limits.ts';
import type { Authority } from './plan.ts';

export interface ServerIdentityOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly log: Log;
  /** Names of the control plane, for certificates of our own authority. */
  readonly names: readonly string[];
}

/** Whoever shows a certificate must have one of an authority that is trusted; a token may do without. */
const judge: PeerJudge = {
  exacting: false,
  judge: (peer, fault) =>
    peer === null || fault === null
      ? null
      : { reason: 'chain', message: `the client's certificate: ${fault}` },
};

export class ServerIdentity implements TimerHandler {
  private readonly options: ServerIdentityOptions;
  private readonly timer = new Timer(this, 0);
  private pair: KeyedCertificate | null = null;
  private clientCa: string | null = null;
  private authority: Authority | null = null;
  private server: TlsServer | null = null;

  constructor(options: ServerIdentityOptions) {
    this.options = options;
  }

  /** For new connections; null: there is nothing to show yet. */
  readonly current = (): TlsServer | null => this.server;

  /** A certificate of somebody else's making; one that cannot be used leaves the last one in place. */
  usePair(pair: KeyedCertificate): void {
    this.pair = pair;
    this.build();
  }

  /** PEM; null: certificates of clients are not asked for. */
  useClientCa(pem: string | null): void {
    this.clientCa = pem;
    this.build();
  }

  /** Makes certificates of our own from now on. */
  useAuthority(authority: Authority): void {
    const isSame = this.authority?.current.certificate === authority.current.certificate;
    this.authority = authority;
    if (!isSame) this.issue();
  }

  onTimer(): void {
    this.issue();
  }

  stop(): void {
    this.options.clock.cancel(this.timer);
  }

  private issue(): void {
    const { clock, names } = this.options;
    if (this.authority === null) return;
    this.usePair(issueServer(this.authority.current, names, clock.wall()));
    clock.arm(this.timer, authorityLimits.serverMs - authorityLimits.renewServerMs);
  }

  private build(): void {
    const { network, log } = this.options;
    if (this.pair === null) return;
    const { certificate, key } = this.pair;
    const context = network.createTlsContext({
      side: 'server',
      certificateChain: certificate,
      privateKey: key,
      password: null,
      trustedCa: this.clientCa,
      crl: null,
      versionMin: 'TLSv1.2',
      versionMax: null,
      ciphers: null,
      curves: null,
      signatureAlgorithms: null,
      peer: this.clientCa === null ? 'ignored' : 'asked',
      resumption: true,
      sessionSeconds: null,
    });
    if (!context.ok || checkPair(this.pair) === null) {
      const reason = context.ok ? 'the key is not that of the certificate' : context.error;
      log.write('error', 'the certificate of xDS cannot be used, the last one stays', { reason });
      return;
    }
    this.server = { context: context.value, alpn: ['h2'], judge };
  }
}
