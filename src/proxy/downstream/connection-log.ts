// Access logs of a listener: a line for each connection that has ended, whatever it carried, and for one that no filter
// chain was for. Nothing here exists where none is configured.

import type { Socket } from '../../net/index.ts';
import type { ConnectionFacts } from '../../observe/index.ts';
import { type AccessLogger, writeLogs } from '../access-logger.ts';
import type { ExchangeContext } from '../exchange/index.ts';
import { responseFlags } from '../stats/index.ts';
import { ConnectionSource } from './connection-source.ts';
import type { Session } from './session.ts';
import type { SessionOwner } from './session-owner.ts';

export class ConnectionLog {
  loggers: readonly AccessLogger[];
  private readonly context: ExchangeContext;
  private readonly listener: SessionOwner;
  /** When connections began; bounded as they are. */
  private readonly began = new Map<Session, number>();

  constructor(context: ExchangeContext, listener: SessionOwner, loggers: readonly AccessLogger[]) {
    this.context = context;
    this.listener = listener;
    this.loggers = loggers;
  }

  onOpen(connection: Session): void {
    this.began.set(connection, this.context.clock.now());
  }

  onClosed(connection: Session): void {
    const beganMs = this.began.get(connection);
    if (beganMs === undefined) return;
    this.began.delete(connection);
    writeLogs(this.loggers, new SessionSource(this.context, this.listener, connection, beganMs));
  }

  /** It goes on as another session, which says that it opens. */
  onHandedOver(connection: Session): void {
    this.began.delete(connection);
  }

  onUnmatched(socket: Socket): void {
    const { local, remote, secure } = socket;
    const connection = { id: ++this.context.connectionIds.last, local, remote, direct: remote, secure };
    writeLogs(this.loggers, new UnmatchedSource(this.context, this.listener, connection));
  }
}

class SessionSource extends ConnectionSource {
  private readonly session: Session;

  constructor(context: ExchangeContext, listener: SessionOwner, session: Session, beganMs: number) {
    super(context, listener, session, beganMs, 'NotSet');
    this.session = session;
  }

  override get protocol(): string {
    return this.session.protocol;
  }

  override get bytesReceived(): number {
    return this.session.bytesReceived;
  }

  override get bytesSent(): number {
    return this.session.bytesSent;
  }
}

class UnmatchedSource extends ConnectionSource {
  constructor(context: ExchangeContext, listener: SessionOwner, connection: ConnectionFacts) {
    super(context, listener, connection, context.clock.now(), 'NotSet');
  }

  override get flags(): string {
    return responseFlags.noRoute;
  }

  override get details(): string {
    return 'filter_chain_not_found';
  }

  /** Of no chain. */
  override get chainName(): string {
    return '';
  }
}
