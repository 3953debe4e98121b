// The phases of a request, as docs/ARCHITECTURE.md and src/proxy/exchange/phases.ts name them: the same words in logs
// and metrics.

/** Those in which a request can fail. What fails before a head is complete never becomes a request. */
export const phases = [
  'match',
  'authorize',
  'limit',
  'pick',
  'connect',
  'forward',
  'relay',
  'settle',
] as const;

export type Phase = (typeof phases)[number];
