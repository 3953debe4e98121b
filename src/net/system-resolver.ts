// The Resolver seam over the system's resolver, with the time to live that the name server gave.

import { isIP } from 'node:net';
import { lookUpAt } from './name-servers.ts';
import type { LookupAnswer, NameServers, Resolution, Resolver } from './resolver.ts';
import { createResolveError } from './system-errors.ts';

/** For answers without a time of their own (/etc/hosts, getaddrinfo): what cluster DNS commonly gives. */
const fallbackTtlSeconds = 30;
/** An IP literal never changes; asking again once a day costs nothing. */
const literalTtlSeconds = 86_400;

/** `lookup` is what asks the system; tests put another in its place. */
export function createSystemResolver(
  lookup: (name: string) => Promise<readonly LookupAnswer[]> = (name) => Bun.dns.lookup(name),
): Resolver {
  return {
    async resolve(name: string, servers: NameServers | null = null): Promise<Resolution> {
      if (isIP(name) !== 0) return { addresses: [name], ttlSeconds: literalTtlSeconds };
      const answers = await ask(servers === null ? lookup : (asked) => lookUpAt(servers, asked), name);
      const addresses = [...new Set(answers.map((answer) => answer.address))];
      if (addresses.length === 0) throw createResolveError(name, noData);
      const ttls = answers.map((answer) => answer.ttl).filter((ttl) => ttl > 0);
      return {
        addresses,
        ttlSeconds: ttls.length === 0 ? fallbackTtlSeconds : Math.max(1, Math.min(...ttls)),
      };
    },
  };
}

const noData = Object.assign(new Error('no address'), { code: 'ENODATA' });

async function ask(
  lookup: (name: string) => Promise<readonly LookupAnswer[]>,
  name: string,
): Promise<readonly LookupAnswer[]> {
  try {
    return await lookup(name);
  } catch (cause) {
    throw createResolveError(name, cause);
  }
}
