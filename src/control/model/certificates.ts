// Certificates and CA bundles that objects refer to: found, granted, and sound, or the fault that a condition tells. A
// fault never shows a part of what it is about.

import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { createBunTlsContext, type TlsContextOptions } from '../../net/index.ts';
import type { SecretRef } from '../schema/gateway.ts';
import type { ConfigMapObject, SecretObject } from '../schema/resources.ts';
import type { Grants, Referrer } from './grants.ts';
import { nameOf, type ResourceIndex } from './index-resources.ts';
import type { Refusal } from './status.ts';
import type { SecretModel } from './types.ts';

const pemBytesMax = 262_144;

export class CertificateStore {
  private readonly secrets: ReadonlyMap<string, SecretObject>;
  private readonly configMaps: ReadonlyMap<string, ConfigMapObject>;
  private readonly grants: Grants;

  constructor(index: ResourceIndex, grants: Grants) {
    this.secrets = new Map(index.all('Secret').map((one) => [nameOf(one), one]));
    this.configMaps = new Map(index.all('ConfigMap').map((one) => [nameOf(one), one]));
    this.grants = grants;
  }

  /** A certificate with its key; `reason`: the word for one that cannot be had. */
  identity(from: Referrer, ref: SecretRef, reason = 'InvalidCertificateRef'): SecretModel | Refusal {
    const namespace = ref.namespace ?? from.namespace;
    const id = `${namespace}/${ref.name}`;
    const refused = this.judgeRef(from, ref, 'Secret', reason);
    if (refused !== null) return refused;
    const secret = this.secrets.get(id);
    if (secret === undefined) return invalid(reason, `there is no Secret ${id} of type kubernetes.io/tls`);
    const { certificate, privateKey } = secret.spec;
    const fault = judgeIdentity(certificate, privateKey);
    if (fault !== null) return invalid(reason, `Secret ${id} ${fault}`);
    return { name: `certificate/${id}`, certificate, privateKey };
  }

  /** Certificates of authorities, as PEM. */
  authority(
    from: Referrer,
    ref: SecretRef,
    reasons: { readonly kind: string; readonly content: string },
  ): { readonly pem: string } | Refusal {
    const namespace = ref.namespace ?? from.namespace;
    const id = `${namespace}/${ref.name}`;
    if (ref.kind !== 'ConfigMap' || ref.group !== '')
      return invalid(reasons.kind, `${ref.kind} ${ref.name} is not a ConfigMap`);
    const refused = this.judgeRef(from, ref, 'ConfigMap', reasons.kind);
    if (refused !== null) return refused;
    const found = this.configMaps.get(id);
    if (found === undefined) return invalid(reasons.content, `there is no ConfigMap ${id} with a ca.crt`);
    const fault = judgeAuthority(found.spec.authority);
    return fault === null
      ? { pem: found.spec.authority }
      : invalid(reasons.content, `ca.crt of ConfigMap ${id} ${fault}`);
  }

  private judgeRef(from: Referrer, ref: SecretRef, kind: string, reason: string): Refusal | null {
    if (ref.group !== '' || ref.kind !== kind)
      return invalid(reason, `${ref.kind} ${ref.name} is not a ${kind}`);
    const namespace = ref.namespace ?? from.namespace;
    if (this.grants.allow(from, { group: '', kind, namespace, name: ref.name })) return null;
    const message = `no ReferenceGrant in ${namespace} allows ${kind} ${namespace}/${ref.name}`;
    return invalid('RefNotPermitted', message);
  }
}

export function isRefusal(value: object): value is Refusal {
  return 'reason' in value;
}

function invalid(reason: string, message: string): Refusal {
  return { reason, message };
}

const verdictsMax = 1_000;

/** Null: sound; else its fault. */
type Verdict = string | null;

/**
 * What was found of texts that are judged at every build, the same few each time. They may be private keys: what is
 * kept of one is a digest.
 */
export class Verdicts {
  readonly known = new Map<string, Verdict>();

  remember(texts: readonly string[], judge: () => Verdict): Verdict {
    const key = digestOf(texts);
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const verdict = judge();
    if (this.known.size >= verdictsMax) this.known.clear();
    this.known.set(key, verdict);
    return verdict;
  }
}

/** With lengths, so that no two lists run together into one text. */
function digestOf(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length} ${text}`);
  return hash.digest('base64');
}

const identities = new Verdicts();
const authorities = new Verdicts();

/** By a server to anybody. */
const shown: Omit<TlsContextOptions, 'certificateChain' | 'privateKey'> = {
  ...{ side: 'server', password: null, trustedCa: null, crl: null, versionMin: null, versionMax: null },
  ...{ ciphers: null, curves: null, signatureAlgorithms: null, sessionSeconds: null, peer: 'ignored' },
  resumption: false,
};

function judgeIdentity(certificate: string, privateKey: string): Verdict {
  if (certificate === '') return 'has no tls.crt';
  if (privateKey === '') return 'has no tls.key';
  // First, so that what is too long is not read at every build either.
  if (certificate.length > pemBytesMax || privateKey.length > pemBytesMax) return 'is too long';
  return identities.remember([certificate, privateKey], () => {
    try {
      const leaf = new X509Certificate(certificate);
      if (!leaf.checkPrivateKey(createPrivateKey(privateKey))) return 'has a key of another certificate';
      // All of the chain and its key, by what makes the proxies' contexts.
      const made = createBunTlsContext({ ...shown, certificateChain: certificate, privateKey });
      return made.ok ? null : `is taken by no proxy: ${made.error}`;
    } catch {
      return 'has no certificate and key in PEM';
    }
  });
}

function judgeAuthority(pem: string): Verdict {
  if (pem.length > pemBytesMax) return 'is too long';
  return authorities.remember([pem], () => {
    const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
    if (blocks.length === 0) return 'has no certificates in PEM';
    try {
      for (const block of blocks) new X509Certificate(block);
      return null;
    } catch {
      return 'has a certificate that is none';
    }
  });
}
