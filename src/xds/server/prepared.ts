// A response that was decided and not yet encoded: its nonce is given when it is sent.

export interface Prepared {
  readonly version: string;
  /** Names of the new or changed resources in it. */
  readonly sent: readonly string[];
  encode(nonce: string): Uint8Array;
}
