// Cookies, as far as the proxy reads and makes them: one by its name, as Envoy finds and writes it.

import type { RequestHead } from '../../wire/index.ts';

export interface CookieShape {
  readonly name: string;
  /** '' leaves the attribute out. */
  readonly path: string;
  /** 0: for the client's session. */
  readonly ttlSeconds: number;
}

/** null: there is none of this name, or an empty one. */
export function findCookie(head: RequestHead, name: string): string | null {
  for (const pair of (head.getName('cookie') ?? '').split(/[;,]/)) {
    const equals = pair.indexOf('=');
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    const value = pair.slice(equals + 1).trim();
    const quoted = value.length > 1 && value.startsWith('"') && value.endsWith('"');
    const bare = quoted ? value.slice(1, -1) : value;
    if (bare !== '') return bare;
  }
  return null;
}

/** A value of Set-Cookie. */
export function formatCookie({ name, path, ttlSeconds }: CookieShape, value: string): string {
  const age = ttlSeconds > 0 ? `; Max-Age=${ttlSeconds}` : '';
  const where = path === '' ? '' : `; Path=${path}`;
  return `${name}="${value}"${age}${where}; HttpOnly`;
}
