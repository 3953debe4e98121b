// A listener as the filter chains that it is made of.

import type { TranslatedListener } from './translate/index.ts';

/** Every filter chain of these listeners: each is a listener as far as routes, secrets and clusters go. */
export function chainsOf(
  ...listeners: readonly (TranslatedListener | null)[]
): readonly TranslatedListener[] {
  return listeners.flatMap((listener) => (listener === null ? [] : [listener, ...listener.further]));
}
