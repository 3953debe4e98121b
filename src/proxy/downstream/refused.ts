// Requests that were answered before they became one: a head that breaks a rule, or that never ended. No exchange ran,
// but the client got an answer, so it is counted and logged like any other, with the client's address and the reason.

import { type Address, formatAddress } from '../../net/index.ts';
import type { RequestHead } from '../../wire/index.ts';
import { createLogEntry, type ExchangeContext, fillHead, statusClass } from '../exchange/index.ts';
import { responseFlags } from '../stats/index.ts';
import type { RuntimeListener } from './listener.ts';

export interface RefusedRequest {
  /** 0: its stream was reset instead. */
  readonly status: number;
  /** For the log: which rule was broken. */
  readonly reason: string;
  /** Where it was read to its end. */
  readonly head: RequestHead | null;
}

export function settleRefused(
  context: ExchangeContext,
  listener: RuntimeListener,
  remote: Address,
  { status, reason, head }: RefusedRequest,
): void {
  const { stats, accessLog, traffic } = listener;
  const answerClass = statusClass(status);
  stats.requests += 1;
  stats.responses[answerClass]! += 1;
  traffic.find('', '', '').record(answerClass, 0);
  if (accessLog === null) return;
  const entry = createLogEntry();
  if (head !== null) fillHead(entry, head);
  entry.startWallMs = context.clock.wall();
  entry.responseCode = status;
  entry.responseFlags = responseFlags.downstreamProtocolError;
  entry.responseCodeDetails = reason;
  entry.downstreamAddress = formatAddress(remote);
  entry.direction = listener.config.direction;
  accessLog.write(entry);
}
