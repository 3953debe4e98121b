// A response that was decided and not yet encoded: its nonce is given when it is sent.

import type { Page } from '../snapshot/pages.ts';
import type { XdsResource } from '../types.ts';
import type { Trial } from './quarantine.ts';

export interface Prepared {
  readonly version: string;
  /** The new or changed resources in it, and those it removes. */
  readonly sent: readonly XdsResource[];
  readonly removed: readonly XdsResource[];
  /** `sent` as pages that streams share; null: it is not. */
  readonly pages: readonly Page[] | null;
  /** The search that it is a step of. */
  readonly trial: Trial | null;
  encode(nonce: string): readonly Uint8Array[];
}
