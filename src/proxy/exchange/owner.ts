// What an exchange knows of the side it came from: whom to tell, and whose request it is. A connection of HTTP/1 owns
// one exchange, a session of HTTP/2 one for each stream; neither is imported here, so that arrows run downstream ->
// exchange -> upstream only.

import type { Address, SecureFacts } from '../../net/index.ts';

export interface ExchangeOwner {
  readonly remote: Address;
  /** The peer of the socket, where a PROXY header may name another as the remote. */
  readonly direct: Address;
  /** Where the client meant to connect to. */
  readonly local: Address;
  /** What TLS proved of the client's connection; null: plaintext. */
  readonly secure: SecureFacts | null;
  /** The books are closed, before the last bytes are sent: sending them may begin the next request. */
  onSettled(nowMs: number, requestEnded: boolean): void;
  /** The last byte of the answer was given to the codec. */
  onAnswered(): void;
}
