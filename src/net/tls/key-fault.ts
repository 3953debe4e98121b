// Keys that a context is not made with, as Envoy has it (source/common/tls/context_impl.cc): shorter ones make
// handshakes fail one by one, or let anybody speak for their owner.

import { X509Certificate } from 'node:crypto';

const rsaBitsMin = 2_048;
/** P-256, P-384 and P-521 by the names that node:crypto has. */
const curves: readonly (string | undefined)[] = ['prime256v1', 'secp384r1', 'secp521r1'];

/** Of the leaf of a chain in PEM; null for a key that is taken, and for what is none: the engine tells that. */
export function findKeyFault(chain: string | null): string | null {
  if (chain === null) return null;
  const key = readKey(chain);
  if (key?.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < rsaBitsMin)
    return `the certificate's RSA key has fewer than ${rsaBitsMin} bits`;
  if (key?.asymmetricKeyType === 'ec' && !curves.includes(key.asymmetricKeyDetails?.namedCurve))
    return "the certificate's ECDSA key is of none of the curves P-256, P-384 and P-521";
  return null;
}

function readKey(chain: string): X509Certificate['publicKey'] | null {
  try {
    return new X509Certificate(chain).publicKey;
  } catch {
    return null;
  }
}
