// What an exchange knows of the side it came from: whom to tell, and whose request it is. A connection of HTTP/1 owns one exchange, a
// session of HTTP/2 one for each stream; neither is imported here, so that arrows run downstream -> exchange -> upstream only.

import type { Address } from '../../net/index.ts';

/** What TLS proved of the client's connection. */
export interface SecureFacts {
  /** The peer's name as its certificate says it (its first URI, else its first DNS name); '' without a certificate. */
  readonly peer: string;
  readonly serverName: string;
}

export interface ExchangeOwner {
  readonly remote: Address;
  /** null: plaintext. */
  readonly secure: SecureFacts | null;
  /** The books are closed, before the last bytes are sent: sending them may begin the next request. */
  onSettled(nowMs: number, requestEnded: boolean): void;
  /** The last byte of the answer was given to the codec. */
  onAnswered(): void;
}
