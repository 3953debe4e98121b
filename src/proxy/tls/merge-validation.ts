// A validation context that comes as a secret, and the defaults written beside its name.

import type { ValidationConfig } from '../config/tls-types.ts';

/** The secret's own where it says something, and the lists of both, as Envoy merges messages. */
export function mergeValidation(
  defaults: ValidationConfig | null,
  secret: ValidationConfig,
): ValidationConfig {
  if (defaults === null) return secret;
  return {
    trustedCa: secret.trustedCa ?? defaults.trustedCa,
    crl: secret.crl ?? defaults.crl,
    acceptsUntrusted: secret.acceptsUntrusted || defaults.acceptsUntrusted,
    names: [...defaults.names, ...secret.names],
    certificateHashes: [...defaults.certificateHashes, ...secret.certificateHashes],
    keyHashes: [...defaults.keyHashes, ...secret.keyHashes],
  };
}
