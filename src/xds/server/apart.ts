// Answers outside of any type's account: to who asks for types that do not exist. They wait until the client takes
// what was sent before, and what waits has a bound.

import { apartPendingCharsMax, apartPendingMax } from '../limits.ts';

export interface ApartAnswer {
  readonly typeUrl: string;
  /** None of which is there. */
  readonly names: readonly string[];
}

export class ApartAnswers {
  private readonly waiting: ApartAnswer[] = [];
  private chars = 0;

  /** False: too much waits. */
  add(answer: ApartAnswer): boolean {
    const chars = charsOf(answer);
    if (this.waiting.length >= apartPendingMax) return false;
    // The first one may be as long as a request can be.
    if (this.waiting.length > 0 && this.chars + chars > apartPendingCharsMax) return false;
    this.waiting.push(answer);
    this.chars += chars;
    return true;
  }

  take(): ApartAnswer | null {
    const next = this.waiting.shift() ?? null;
    if (next !== null) this.chars -= charsOf(next);
    return next;
  }
}

function charsOf({ typeUrl, names }: ApartAnswer): number {
  return names.reduce((sum, name) => sum + name.length, typeUrl.length);
}
