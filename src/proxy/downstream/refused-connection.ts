// Lines of connections that a network filter judged: one that was refused never becomes a session, and one that is
// served takes along what was said of it.

import type { Socket } from '../../net/index.ts';
import type { ConnectionFacts, LogType, MetadataMap } from '../../observe/index.ts';
import { type AccessLogger, writeLogs } from '../access-logger.ts';
import type { ExchangeContext } from '../exchange/index.ts';
import type { Said } from '../network-filters/index.ts';
import { ConnectionSource } from './connection-source.ts';
import type { Ends } from './session.ts';
import type { SessionOwner } from './session-owner.ts';

/** With what filters said of it as metadata. */
export function tell(ends: Ends, said: Said | null): Ends {
  if (said === null) return ends;
  const metadata: MetadataMap = new Map([...(ends.metadata ?? []), [said.namespace, said.notes]]);
  return { ...ends, metadata };
}

/** `type`: as the chain's own logger says of its end. */
export function logRefused(
  context: ExchangeContext,
  listener: SessionOwner,
  loggers: readonly AccessLogger[],
  type: LogType,
  { socket, ends, details }: { readonly socket: Socket; readonly ends: Ends; readonly details: string },
): void {
  const { local, remote: direct, secure } = socket;
  const { remote, restored, serverName, fingerprints, metadata } = ends;
  const id = ++context.connectionIds.last;
  const facts = { id, local: restored ?? local, remote, direct, secure, serverName, fingerprints, metadata };
  writeLogs(loggers, new RefusedSource(context, listener, facts, type, details));
}

class RefusedSource extends ConnectionSource {
  private readonly cause: string;

  constructor(
    context: ExchangeContext,
    listener: SessionOwner,
    connection: ConnectionFacts,
    type: LogType,
    cause: string,
  ) {
    super(context, listener, connection, context.clock.now(), type);
    this.cause = cause;
  }

  override get terminationDetails(): string {
    return this.cause.replaceAll(/\s/g, '_');
  }
}
