// Host names that meet.

import type { Random } from '../../../base/index.ts';

/** Of few labels of two letters, with and without a wildcard: many cover one another. */
export function randomHost(random: Random): string {
  const labels = Array.from({ length: 1 + Math.floor(random.float() * 4) }, () =>
    random.float() < 0.5 ? 'a' : 'b',
  );
  if (random.float() < 0.1) return '*';
  return (random.float() < 0.5 ? ['*', ...labels] : labels).join('.');
}
