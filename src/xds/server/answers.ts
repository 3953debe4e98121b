// What a client says of responses: pairs each ACK and NACK with the response it is for, and tells who observes.

import type { Clock, Log } from '../../base/index.ts';
import { nackLogMs, nackTextMax } from '../limits.ts';
import type { XdsNode } from '../types.ts';
import type { Inflight, TypeState } from './type-state.ts';
import type { AdsObserver } from './types.ts';

export interface AnswersHost {
  readonly clock: Clock;
  readonly log: Log;
  readonly observer: AdsObserver;
}

/** Only `error_detail` makes a NACK: versions say nothing about it. False: it is for no response that is known. */
export function settleAnswer(
  host: AnswersHost,
  node: XdsNode,
  state: TypeState,
  nonce: string,
  error: string | null,
): boolean {
  const response = state.takeAnswered(nonce);
  if (error !== null) {
    const message = reportNack(host, node, state, response, error);
    if (response !== null) state.refuse(response, message);
  } else if (response !== null) {
    state.accept(response);
    state.ackedVersion = response.version;
    const waitMs = host.clock.now() - response.sentAtMs;
    host.observer.onAck(node, state.typeUrl, response.version, waitMs);
  }
  tellRefusals(host, node, state);
  if (error === null && state.quarantine.empty) state.error = '';
  return response !== null;
}

export function tellRefusals({ observer }: AnswersHost, node: XdsNode, state: TypeState): void {
  const { refused, resolved } = state.quarantine.takeNews();
  for (const refusal of refused) observer.onRefused(node, state.typeUrl, refusal);
  for (const refusal of resolved) observer.onResolved(node, state.typeUrl, refusal);
}

function reportNack(
  host: AnswersHost,
  node: XdsNode,
  state: TypeState,
  response: Inflight | null,
  error: string,
): string {
  const message = error.slice(0, nackTextMax);
  state.error = message === '' ? 'refused without a reason' : message;
  const version = response?.version ?? '';
  if (response !== null) tellNack(host, node, state, version);
  host.observer.onNack({ node, typeUrl: state.typeUrl, version, message: state.error });
  return state.error;
}

/** A client refuses as often as it likes, in words of its own. */
function tellNack({ clock, log }: AnswersHost, node: XdsNode, state: TypeState, version: string): void {
  const now = clock.now();
  state.nacksUntold++;
  if (now - state.nackToldAtMs < nackLogMs) return;
  const more = state.nacksUntold > 1 ? { nacks: state.nacksUntold } : {};
  state.nackToldAtMs = now;
  state.nacksUntold = 0;
  log.write('warn', 'xds response refused', {
    node: node.id,
    type: state.typeUrl,
    version,
    error: state.error,
    ...more,
  });
}
