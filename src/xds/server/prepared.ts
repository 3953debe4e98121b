// A response that was decided and not yet encoded: its nonce is given when it is sent.

import type { XdsResource } from '../types.ts';

export interface Prepared {
  readonly version: string;
  /** The new or changed resources in it. */
  readonly sent: readonly XdsResource[];
  encode(nonce: string): Uint8Array;
}
