// The labels by which the proxies of a Gateway are known (GEP-1762), as they are written and as they are read.

import { createHash } from 'node:crypto';

export const gatewayNameLabel = 'gateway.networking.k8s.io/gateway-name';
export const gatewayClassLabel = 'gateway.networking.k8s.io/gateway-class-name';

/** A label's bound, and that of a Service's name. */
export const labelCharsMax = 63;

/** A name as a label's value: a part of it and a hash of all where it is too long. */
export function labelValueOf(name: string): string {
  if (name.length <= labelCharsMax) return name;
  return `${name.slice(0, 50).replace(/[-.]+$/, '')}-${shortHashOf(name)}`;
}

export function shortHashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 10);
}
