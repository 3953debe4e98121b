// One TLS context of the configuration, kept current: its certificates and trust come from the configuration itself,
// from files and from secrets, and whenever one of them changes a new context takes the place of the old for new
// connections. Open ones keep theirs. What cannot be used leaves the last good one in place; where there never was one,
// nobody connects.
//
// States: asleep (it reads what it will need) -> waiting (something is not there yet) -> usable <-> usable with an
// issue (the newest material is at fault).

import { assert, type Log, parseIp } from '../../base/index.ts';
import {
  type Network,
  type PeerCertificate,
  type PeerJudge,
  type SystemRoots,
  systemRoots,
  type TlsContext,
  type TlsContextOptions,
  type TlsRefusal,
} from '../../net/index.ts';
import { compilePeerRule, type PeerRule, type PeerRuleConfig } from '../../policy/index.ts';
import { parseSecretFile } from '../config/index.ts';
import type {
  CertificateConfig,
  DownstreamTlsConfig,
  SecretConfig,
  SecretRef,
  TextSource,
  UpstreamTlsConfig,
  ValidationConfig,
} from '../config/tls-types.ts';
import type { FileTexts, TextWatcher } from './file-texts.ts';
import { mergeValidation } from './merge-validation.ts';
import { defaultCiphers } from './server-parameters.ts';

export interface SlotWorld {
  readonly network: Network;
  readonly log: Log;
  readonly files: FileTexts;
  secretOf(name: string): SecretConfig | null;
}

/** What a connection needs; replaced whole. */
export interface TlsMaterial {
  readonly context: TlsContext;
  readonly judge: PeerJudge;
  /** The same, but that this name has to be in the certificate and no other. */
  judgeOf(host: string): PeerJudge;
  /** PEM, for display. */
  readonly certificateChain: string | null;
  readonly trustedCa: string | null;
  /** Of the files that they were read from; '' for none. */
  readonly paths: { readonly certificateChain: string; readonly trustedCa: string };
}

type Texts = Pick<TlsContextOptions, 'certificateChain' | 'privateKey' | 'password' | 'trustedCa' | 'crl'>;

class RuleJudge implements PeerJudge {
  readonly exacting: boolean;
  private readonly rule: PeerRule;
  constructor(rule: PeerRule) {
    this.rule = rule;
    this.exacting = rule.exacting;
  }
  judge(peer: PeerCertificate | null, fault: string | null): TlsRefusal | null {
    return this.rule.decide(peer, fault);
  }
}

function judgeOf(rule: PeerRuleConfig, host: string): PeerJudge {
  const kind = parseIp(host) === null ? 'dns' : 'ip';
  const name = { kind, match: { kind: 'exact', value: host, ignoreCase: true } } as const;
  const made = compilePeerRule({ ...rule, names: [name] });
  assert(made.ok, 'an exact name compiles');
  return new RuleJudge(made.value);
}

export class TlsSlot implements TextWatcher {
  readonly config: DownstreamTlsConfig | UpstreamTlsConfig;
  /** Null: nobody may connect. */
  material: TlsMaterial | null = null;
  /** Why the newest material is not in use; '' when it is. */
  issue = '';
  private readonly world: SlotWorld;
  private readonly onChange: () => void;
  /** The texts that the material in use was made of. */
  private fingerprint = '';
  private asleep = false;

  constructor(world: SlotWorld, config: DownstreamTlsConfig | UpstreamTlsConfig, onChange: () => void) {
    this.world = world;
    this.config = config;
    this.onChange = onChange;
  }

  onText(): void {
    this.refresh();
  }

  /** Instead of the first {@link refresh}: reads its files, and makes a context of them when it is woken. */
  sleep(): void {
    this.asleep = true;
    this.refresh();
  }

  wake(): void {
    if (!this.asleep) return;
    this.asleep = false;
    this.refresh();
  }

  /** At first, and whenever a secret came, changed or went. */
  refresh(): void {
    const gathered = this.gather();
    if (typeof gathered === 'string') {
      this.fail(gathered);
      return;
    }
    if (this.asleep) {
      this.issue = '';
      return;
    }
    const fingerprint = JSON.stringify(gathered);
    if (fingerprint === this.fingerprint && this.issue === '') return;
    const rule = compilePeerRule(gathered.rule);
    const made = this.world.network.createTlsContext(gathered.options);
    if (!rule.ok) this.fail(rule.error);
    else if (!made.ok) this.fail(made.error);
    else {
      const { certificateChain, trustedCa } = gathered.options;
      this.material = {
        context: made.value,
        judge: new RuleJudge(rule.value),
        judgeOf: (host) => judgeOf(gathered.rule, host),
        certificateChain,
        trustedCa: trustedCa === systemRoots ? null : trustedCa,
        paths: gathered.paths,
      };
      this.fingerprint = fingerprint;
      this.issue = '';
      this.onChange();
    }
  }

  close(): void {
    this.world.files.forget(this);
  }

  /** Told once, not at every look. */
  private fail(issue: string): void {
    if (issue === this.issue) return;
    this.issue = issue;
    // Waiting for what was just asked for is no news.
    const level = this.material === null && issue.endsWith(reading) ? 'debug' : 'warn';
    this.world.log.write(level, 'TLS material not in use', {
      issue,
      last: this.material === null ? 'none' : 'kept',
    });
  }

  /** All texts, or what is missing. */
  private gather() {
    const certificate = this.certificate();
    if (typeof certificate === 'string') return certificate;
    const validation = this.validation();
    if (typeof validation === 'string') return validation;
    const trustedCa = this.trustedOf(validation?.trustedCa ?? null);
    const crl = this.textOf(validation?.crl ?? null);
    const chain = this.textOf(certificate?.chain ?? null);
    const key = this.textOf(certificate?.key ?? null);
    const password = this.textOf(certificate?.password ?? null);
    for (const { fault } of [trustedCa, crl, chain, key, password]) if (fault !== '') return fault;
    if (validation !== null && validation.names.length > 0 && trustedCa.text === null)
      return 'names are to be matched and no authority is trusted';
    return {
      options: this.optionsOf(
        {
          certificateChain: chain.text,
          privateKey: key.text,
          password: password.text,
          trustedCa: trustedCa.text,
          crl: crl.text,
        },
        validation,
      ),
      paths: {
        certificateChain: pathOf(certificate?.chain ?? null),
        trustedCa: pathOf(validation?.trustedCa ?? null),
      },
      rule: {
        required: this.config.side === 'client' || this.config.requireClientCertificate,
        verifiesChain: trustedCa.text !== null,
        acceptsUntrusted: validation?.acceptsUntrusted ?? false,
        names: validation?.names ?? [],
        certificateHashes: validation?.certificateHashes ?? [],
        keyHashes: validation?.keyHashes ?? [],
      },
    };
  }

  private optionsOf(texts: Texts, validation: ValidationConfig | null): TlsContextOptions {
    const { config } = this;
    const required = config.side === 'server' && config.requireClientCertificate;
    // What the engine requires it also verifies: where the chain decides nothing, the rule alone requires it.
    const pinned =
      validation !== null && validation.certificateHashes.length + validation.keyHashes.length > 0;
    const byRule = validation?.acceptsUntrusted === true || (texts.trustedCa === null && pinned);
    return {
      side: config.side,
      ...texts,
      versionMin: config.versionMin,
      versionMax: config.versionMax,
      ciphers: (config.ciphers.length === 0 ? defaultCiphers : config.ciphers).join(':'),
      curves: config.curves.length === 0 ? null : config.curves.join(':'),
      signatureAlgorithms:
        config.signatureAlgorithms.length === 0 ? null : config.signatureAlgorithms.join(':'),
      sessionSeconds: config.side === 'server' ? config.sessionSeconds : null,
      peer: required && !byRule ? 'required' : required || validation !== null ? 'asked' : 'ignored',
      resumption: config.side === 'server' ? config.resumption : config.sessionsMax > 0,
    };
  }

  private certificate(): CertificateConfig | null | string {
    const secret = this.resolve(this.config.certificate);
    if (typeof secret === 'string' || secret === null) return secret;
    return secret.kind === 'certificate' ? secret.value : `secret ${secret.name} holds no certificate`;
  }

  private validation(): ValidationConfig | null | string {
    const { validation } = this.config;
    const secret = this.resolve(validation);
    if (typeof secret === 'string' || secret === null) return secret;
    if (secret.kind !== 'validation') return `secret ${secret.name} holds no validation context`;
    const defaults = validation.kind === 'named' || validation.kind === 'file' ? validation.defaults : null;
    return mergeValidation(defaults, secret.value);
  }

  private resolve(
    ref: SecretRef<CertificateConfig> | SecretRef<ValidationConfig>,
  ): (SecretConfig & { name: string }) | null | string {
    if (ref.kind === 'none') return null;
    if (ref.kind === 'file') {
      const { text, fault } = this.textOf({ kind: 'file', path: ref.path });
      if (text === null) return fault;
      const parsed = parseSecretFile(text, ref.name);
      return parsed.ok ? { ...parsed.value, name: ref.name } : `file ${ref.path} ${parsed.error}`;
    }
    if (ref.kind === 'named') {
      const secret = this.world.secretOf(ref.name);
      return secret === null ? `secret ${ref.name} ${waiting}` : { ...secret, name: ref.name };
    }
    return 'chain' in ref.value
      ? { kind: 'certificate', value: ref.value, name: '' }
      : { kind: 'validation', value: ref.value, name: '' };
  }

  private trustedOf(source: TextSource | null): { text: string | SystemRoots | null; fault: string } {
    return source?.kind === 'system' ? { text: systemRoots, fault: '' } : this.textOf(source);
  }

  private textOf(source: TextSource | null): { text: string | null; fault: string } {
    if (source === null || source.kind === 'system') return { text: null, fault: '' };
    if (source.kind === 'inline') return { text: source.text, fault: '' };
    this.world.files.watch(source.path, this);
    const { text, fault } = this.world.files.textOf(source.path);
    return { text, fault: text === null ? `file ${source.path} ${fault}` : '' };
  }
}

function pathOf(source: TextSource | null): string {
  return source?.kind === 'file' ? source.path : '';
}

/** How the issue of a slot ends whose secret somebody else brings. */
export const waiting = 'has not come yet';
/** How it ends while a file is read for the first time. */
export const reading = 'is being read';
