// The authority as a Secret of type kubernetes.io/tls: `tls.crt` and `tls.key` sign, `next.crt` and `next.key` will,
// `ca.crt` is what proxies trust.

import { managedLabel, managedValue } from '../fleet/object-writer.ts';
import { fieldOf, type KubeObject, textOf } from '../kubernetes/types.ts';
import { checkPair, type KeyedCertificate } from './certificates.ts';
import type { Authority } from './plan.ts';

/** Of the Secret, and of the ConfigMap in each namespace. */
export const authorityName = 'weft-ca';

/** A text: why this Secret holds no authority. */
export function readAuthority(secret: KubeObject): Authority | string {
  const current = pairOf(secret, 'tls');
  if (checkPair(current) === null) return 'tls.crt and tls.key are no certificate with its key';
  const next = pairOf(secret, 'next');
  const roots = decode(secret, 'ca.crt');
  const sound = next.certificate === '' || checkPair(next) !== null;
  if (!sound) return 'next.crt and next.key are no certificate with its key';
  return {
    current,
    next: next.certificate === '' ? null : next,
    roots: roots === '' ? current.certificate : roots,
  };
}

export function writeAuthority(
  { current, next, roots }: Authority,
  namespace: string,
  resourceVersion: string,
): KubeObject {
  const texts = {
    'tls.crt': current.certificate,
    'tls.key': current.key,
    'ca.crt': roots,
    ...(next === null ? {} : { 'next.crt': next.certificate, 'next.key': next.key }),
  };
  return writeTlsSecret(authorityName, namespace, texts, resourceVersion);
}

/** `texts`: by key, as they are; `resourceVersion`: of what it replaces, '' of what is new. */
export function writeTlsSecret(
  name: string,
  namespace: string,
  texts: Readonly<Record<string, string>>,
  resourceVersion: string,
): KubeObject {
  const data = Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace,
      labels: { [managedLabel]: managedValue },
      ...(resourceVersion === '' ? {} : { resourceVersion }),
    },
    type: 'kubernetes.io/tls',
    data: Object.fromEntries(data),
  };
}

export function pairOf(secret: KubeObject, name: string): KeyedCertificate {
  return { certificate: decode(secret, `${name}.crt`), key: decode(secret, `${name}.key`) };
}

function decode(secret: KubeObject, key: string): string {
  return Buffer.from(textOf(fieldOf(secret, 'data'), key), 'base64').toString('utf8');
}
