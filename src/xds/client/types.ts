// What the code around an AdsClient learns from it.

export type AdsClientState = 'idle' | 'connecting' | 'connected' | 'backoff' | 'stopped';

export interface AdsSubscriptionStatus {
  readonly typeUrl: string;
  readonly subscribed: '*' | number;
  /** Resources held, and names asked for that have had no answer. */
  readonly known: number;
  readonly missing: number;
  /** Last accepted version and the nonce of the last response; '' for none. */
  readonly version: string;
  readonly nonce: string;
  /** Text of the last NACK, null after a later ACK. */
  readonly nack: string | null;
  /** Since the last accepted response; -1 before the first. */
  readonly ageMs: number;
}

export interface AdsClientStatus {
  readonly state: AdsClientState;
  /** Streams opened since the last one that answered. */
  readonly attempts: number;
  /** Since the stream answered first; -1 while there is none. */
  readonly connectedMs: number;
  /** Why the last stream ended; '' when none did. */
  readonly lastError: string;
  readonly types: readonly AdsSubscriptionStatus[];
}
