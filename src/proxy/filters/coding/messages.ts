// What both directions of both filters of content codings ask of messages.

import type { Head } from '../../../wire/index.ts';
import type { Coding } from '../../config/filter-types.ts';

/** RFC 9111 section 5.2.2.6: nobody on the way may change the body. */
export function hasNoTransform(head: Head): boolean {
  return head.getName('cache-control')?.toLowerCase().includes('no-transform') === true;
}

/** What the names of a filter's figures begin with: its library has a name in the configuration, and a kind. */
export function statScope(filter: string, library: string, coding: Coding): string {
  const name = `http_${filter}_${library}_${coding === 'br' ? 'brotli' : coding}_`;
  return name.replaceAll(/[^a-zA-Z0-9_]/g, '_');
}
