// The Resolver seam as a table that a test or the simulator fills.

import type { Resolution, Resolver } from './resolver.ts';
import { createResolveError } from './system-errors.ts';

export interface MemoryResolver extends Resolver {
  /** An empty list removes the name. */
  set(name: string, addresses: readonly string[], ttlSeconds?: number): void;
  /** While true nobody answers. */
  silent: boolean;
}

export function createMemoryResolver(
  names: Readonly<Record<string, readonly string[]>> = {},
): MemoryResolver {
  const table = new Map<string, Resolution>();
  const resolver: MemoryResolver = {
    silent: false,
    set(name, addresses, ttlSeconds = 30) {
      if (addresses.length === 0) table.delete(name);
      else table.set(name, { addresses, ttlSeconds });
    },
    async resolve(name) {
      if (resolver.silent) throw createResolveError(name, noAnswer);
      const known = isLiteral(name) ? { addresses: [name], ttlSeconds: 86_400 } : table.get(name);
      if (known === undefined) throw createResolveError(name, notFound);
      return known;
    },
  };
  for (const [name, addresses] of Object.entries(names)) resolver.set(name, addresses);
  return resolver;
}

const noAnswer = Object.assign(new Error('no answer'), { code: 'ETIMEOUT' });
const notFound = Object.assign(new Error('not found'), { code: 'ENOTFOUND' });

function isLiteral(name: string): boolean {
  return /^[\d.]+$/.test(name) || name.includes(':');
}
