// Whom to believe of what proxies say against an object. A proven pod can refuse whatever it is sent, in any words, and
// it is sent much that is others': of these it is heard once another namespace says the same.

import { type Condition, itself } from '../model/status.ts';
import type { ObjectKey } from '../source/types.ts';

/** What proxies say against one object. */
export interface Refusal {
  /** Who said it first, of the object's own before others. */
  readonly nodeId: string;
  /** In its own words. */
  readonly message: string;
  /** How many say no. */
  readonly proxies: number;
  /** Namespaces of who says so, or {@link ownVoice}; as many as need be known. */
  readonly voices: readonly string[];
}

/** Of the object's own namespace, or of the mesh: it needs no other. */
export const ownVoice = '*';
/** Namespaces that must say the same of an object that is none of theirs. */
export const voicesMin = 2;
/** Characters of a proxy's words. */
const wordsMax = 500;

const idPattern = /^(sidecar|agent|gateway|grpc)~(.*)$/s;
/** What reaches a Gateway's proxies by that Gateway, and nobody else's. */
const gatewayKinds = /^(Gateway|ListenerSet|[A-Za-z]*Route)$/;

/** Proven callers have ids of these forms; others are believed to be who they say (`--dir`, plain text on loopback). */
export function voiceOf(nodeId: string, owner: ObjectKey): string {
  const [, role, who = ''] = idPattern.exec(nodeId) ?? [];
  const [namespace = '', kind = ''] = owner.split('/');
  if (role === undefined || role === 'agent') return ownVoice;
  const own = who.slice(who.lastIndexOf('.') + 1);
  return own === namespace || (role === 'gateway' && gatewayKinds.test(kind)) ? ownVoice : own;
}

export function joinVoices(voices: Iterable<string>): readonly string[] {
  const all = new Set(voices);
  return all.has(ownVoice) ? [ownVoice] : [...all].sort().slice(0, voicesMin);
}

export function isBelieved({ voices }: Refusal): boolean {
  return voices.includes(ownVoice) || voices.length >= voicesMin;
}

/** What two replicas heard. */
export function addRefusals(one: Refusal, other: Refusal): Refusal {
  const first = !one.voices.includes(ownVoice) && other.voices.includes(ownVoice) ? other : one;
  const voices = joinVoices([...one.voices, ...other.voices]);
  return { ...first, proxies: one.proxies + other.proxies, voices };
}

export function describeRefusal({ nodeId, message: words, proxies }: Refusal): Condition {
  const more = proxies > 1 ? ` (and ${proxies - 1} more)` : '';
  const message = `${nodeId}${more} refused it: ${words}`;
  return { type: 'Programmed', status: 'False', reason: 'Nacked', message, about: '', subject: itself };
}

/** One line, bounded: it stands in conditions and Events of objects that people read. */
export function plain(words: string): string {
  return words.slice(0, wordsMax).replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
}
