// Whom the proxies of a Gateway believe where a connection or a request comes from, as annotations of the Gateway say
// it: without a word nobody, and the client is who connects.

import { cidrError, isCidr } from '../schema/cidr.ts';
import type { Refusal } from './status.ts';

export interface ClientTrust {
  /** Ranges whose connections begin with a PROXY header, and which alone are taken then; none: nobody writes one. */
  readonly balancers: readonly string[];
  /** Proxies before these that add the client they saw to X-Forwarded-For. */
  readonly hops: number;
}

const trustAnnotations = {
  balancers: 'weft.dev/proxy-protocol-from',
  hops: 'weft.dev/forwarded-hops',
} as const;

const balancersMax = 64;
const hopsMax = 16;

export function readClientTrust(said: Readonly<Record<string, string>>): ClientTrust | Refusal {
  const { balancers, hops } = trustAnnotations;
  const text = said[balancers];
  const ranges = text === undefined ? [] : text.split(',').map((range) => range.trim());
  if (!ranges.every(isCidr)) return invalid(balancers, `each ${cidrError}`);
  if (ranges.length > balancersMax) return invalid(balancers, `must be at most ${balancersMax} ranges`);
  const count = said[hops] ?? '0';
  if (!/^\d{1,2}$/.test(count) || Number(count) > hopsMax)
    return invalid(hops, `must be a whole number of 0 to ${hopsMax}`);
  return { balancers: ranges, hops: Number(count) };
}

function invalid(annotation: string, must: string): Refusal {
  return { reason: 'InvalidParameters', message: `annotation ${annotation}: ${must}` };
}
