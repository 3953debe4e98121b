// What a session needs of the listener that it belongs to.

import type { Http1Limits } from '../../wire/http1/index.ts';
import type { ExchangeListener, IdleExchanges } from '../exchange/index.ts';
import type { Session } from './session.ts';

export interface SessionOwner extends ExchangeListener {
  readonly codecLimits: Http1Limits;
  /** Lent to sessions while they have requests. */
  readonly exchanges: IdleExchanges;
  /** The next answer is to end its connection. */
  readonly announcesEnd: boolean;
  /** False: there are too many, and it was reset. */
  onConnectionOpen(connection: Session): boolean;
  onConnectionClosed(connection: Session): void;
  /** It goes on as another session, which is about to open. */
  onConnectionHandedOver(connection: Session): void;
}
