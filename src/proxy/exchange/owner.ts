// What an exchange knows of the side it came from: whom to tell, and whose request it is. A connection of HTTP/1
// borrows one while it has a request, a session of HTTP/2 one for each stream; neither is imported here, so that
// arrows run downstream -> exchange -> upstream only.

import type { Address } from '../../net/index.ts';
import type { ConnectionFacts } from '../../observe/index.ts';
import type { Tlv } from '../../wire/proxy-protocol/index.ts';

export interface ExchangeOwner extends ConnectionFacts {
  /** Where the client was going, where that was not this proxy's own address; null: it came here by itself. */
  readonly restored: Address | null;
  /** What its PROXY header had beyond its ends, as far as it may be passed on. */
  readonly tlvs: readonly Tlv[];
  /** Its connection is over. */
  readonly closed: boolean;
  /** The connection ends with this answer, where it is this request's alone. */
  endWithAnswer(): void;
  /** The books are closed, before the last bytes are sent: sending them may begin the next request. */
  onSettled(nowMs: number, requestEnded: boolean): void;
  /** The last byte of the answer was given to the codec. */
  onAnswered(): void;
}
