// Requests that were answered before they became one: a head that breaks a rule, or that never ended. No exchange ran,
// but the client got an answer, so it is counted and logged like any other, with the client's address and the reason.

import type { ConnectionFacts } from '../../observe/index.ts';
import { fault, faultMessage } from '../../wire/http1/index.ts';
import type { RequestHead } from '../../wire/index.ts';
import { writeLogs } from '../access-logger.ts';
import { type ExchangeContext, protocolOf, statusClass } from '../exchange/index.ts';
import { type ResponseFlag, responseFlags } from '../stats/index.ts';
import { ConnectionSource } from './connection-source.ts';
import type { SessionOwner } from './session-owner.ts';

export interface RefusedRequest {
  /** 0: its stream was reset instead. */
  readonly status: number;
  /** For the log: which rule was broken. */
  readonly reason: string;
  /** Where it was read to its end. */
  readonly head: RequestHead | null;
  /** Absent: the client broke a rule. */
  readonly flag?: ResponseFlag;
}

/** Where Envoy has a word for it; of all else ours says more than its `http1.codec_error`. */
const detailsOf: ReadonlyMap<string, string> = new Map([
  [faultMessage(fault.headTooLong), 'http1.headers_too_large'],
  [faultMessage(fault.headerCount), 'http1.too_many_headers'],
]);

export function settleRefused(
  context: ExchangeContext,
  listener: SessionOwner,
  connection: ConnectionFacts,
  refused: RefusedRequest,
): void {
  const { status } = refused;
  const { stats, accessLogs, traffic } = listener;
  const answerClass = statusClass(status);
  stats.requests += 1;
  stats.responses[answerClass]! += 1;
  traffic.find('', '', '').record(answerClass, 0);
  if (accessLogs !== null) writeLogs(accessLogs, new RefusedSource(context, listener, connection, refused));
}

class RefusedSource extends ConnectionSource {
  private readonly refused: RefusedRequest;

  constructor(
    context: ExchangeContext,
    listener: SessionOwner,
    connection: ConnectionFacts,
    refused: RefusedRequest,
  ) {
    super(context, listener, connection, context.clock.now(), 'DownstreamEnd');
    this.refused = refused;
  }

  override get request(): RequestHead | null {
    return this.refused.head;
  }

  override get protocol(): string {
    return protocolOf(this.refused.head?.version ?? 1);
  }

  override get scheme(): string {
    return this.downstream.secure === null ? 'http' : 'https';
  }

  override get status(): number {
    return this.refused.status;
  }

  override get details(): string {
    return detailsOf.get(this.refused.reason) ?? this.refused.reason;
  }

  override get flags(): string {
    return this.refused.flag ?? responseFlags.downstreamProtocolError;
  }
}
