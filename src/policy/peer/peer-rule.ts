// Decides whether the other end of a TLS connection is who it may be. Fails closed: what the rule does not allow is
// refused.

import { fail, ok, type Result } from '../../base/index.ts';
import { compileValue, type ValueMatcher } from '../route/index.ts';
import type { PeerFacts, PeerName, PeerNameMatch, PeerRefusal, PeerRuleConfig } from './types.ts';

interface NameMatcher {
  /** 'other:' and its number for those; null: any but those. */
  readonly kind: string | null;
  readonly matcher: ValueMatcher;
  /** In lower case where a wildcard name of a certificate may stand for it (RFC 6125): an exact DNS name. */
  readonly host: string | null;
}

export class PeerRule {
  private readonly config: PeerRuleConfig;
  private readonly names: readonly NameMatcher[];
  private readonly certificateHashes: ReadonlySet<string>;
  private readonly keyHashes: ReadonlySet<string>;

  constructor(config: PeerRuleConfig, names: readonly NameMatcher[]) {
    this.config = config;
    this.names = names;
    this.certificateHashes = new Set(config.certificateHashes.map((hash) => hash.toLowerCase()));
    this.keyHashes = new Set(config.keyHashes);
  }

  /** Certain peers alone are accepted. */
  get exacting(): boolean {
    return this.names.length + this.certificateHashes.size + this.keyHashes.size > 0;
  }

  /** `fault`: why its chain leads to nobody trusted, as the TLS engine calls it; null when it does. */
  decide(peer: PeerFacts | null, fault: string | null): PeerRefusal | null {
    const config = this.config;
    // As Envoy: then nothing of what is shown, or not shown, is a reason.
    if (config.acceptsUntrusted && (peer !== null || !config.required)) return null;
    if (peer === null) {
      // Where certain peers alone are accepted, nobody is none of them.
      if (!config.required && !this.exacting) return null;
      return { reason: 'no-certificate', message: 'the peer showed no certificate' };
    }
    if (fault !== null && config.verifiesChain)
      return { reason: 'chain', message: `certificate not trusted: ${fault}` };
    if (this.names.length > 0 && !peer.sans.some((name) => this.names.some((rule) => matches(rule, name))))
      return {
        reason: 'san',
        message: `no name of the certificate is allowed (${describeNames(peer.sans)})`,
      };
    if (!this.isPinned(peer)) return { reason: 'hash', message: 'the certificate is none of those pinned' };
    return null;
  }

  private isPinned(peer: PeerFacts): boolean {
    if (this.certificateHashes.size + this.keyHashes.size === 0) return true;
    if (this.certificateHashes.size > 0 && this.certificateHashes.has(peer.sha256)) return true;
    return this.keyHashes.size > 0 && this.keyHashes.has(peer.spkiSha256);
  }
}

/** Fails with the first matcher's fault that does not compile. */
export function compilePeerRule(config: PeerRuleConfig): Result<PeerRule, string> {
  const names: NameMatcher[] = [];
  for (const name of config.names) {
    const compiled = compileValue(name.match);
    if (!compiled.ok) return fail(compiled.error);
    names.push({ kind: kindOf(name), matcher: compiled.value, host: hostOf(name) });
  }
  return ok(new PeerRule(config, names));
}

function kindOf(name: PeerName | PeerNameMatch): string | null {
  return name.kind === 'other' ? `other:${name.oid}` : name.kind;
}

function hostOf({ kind, match }: PeerNameMatch): string | null {
  return match.kind === 'exact' && (kind === 'dns' || kind === null) ? match.value.toLowerCase() : null;
}

function matches(rule: NameMatcher, name: PeerName): boolean {
  if (rule.kind === null ? name.kind === 'other' : rule.kind !== kindOf(name)) return false;
  if (rule.host !== null && name.kind === 'dns') return coversHost(name.value.toLowerCase(), rule.host);
  return rule.matcher.matches(name.value);
}

/** A wildcard is the whole first label and stands for exactly one. */
function coversHost(name: string, host: string): boolean {
  if (!name.startsWith('*.')) return name === host;
  const dot = host.indexOf('.');
  return dot > 0 && host.slice(dot) === name.slice(1);
}

const namesShownMax = 4;

function describeNames(names: readonly PeerName[]): string {
  if (names.length === 0) return 'it has none';
  const shown = names.slice(0, namesShownMax).map(({ value }) => value.slice(0, 256));
  return names.length > namesShownMax ? `${shown.join(', ')}, …` : shown.join(', ');
}
