// What a peer said, as a text of protobuf: UTF-8, and no longer than the bound.

import { logServiceLimits } from './limits.ts';

/** `text` has one code unit a byte; what is not UTF-8 in it is replaced. */
export function cut(text: string): string {
  const short = text.slice(0, logServiceLimits.textCharsMax);
  return foreign.test(short) ? Buffer.from(short, 'latin1').toString() : short;
}

const foreign = /[\x80-\xff]/;
