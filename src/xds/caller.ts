// Who calls, as far as it was proven: what the transport finds out before a stream is admitted, and what a stream's
// node is held against. What nobody has proven is not believed; where no proof is asked for (loopback), there is no
// caller.

import { MeshError, type Result } from '../base/index.ts';
import type { PeerCertificate } from '../net/index.ts';
import type { XdsNode } from './types.ts';

/** What a call showed of who sends it. */
export interface ShownCredentials {
  /** The value of `authorization`; null: none was sent. */
  readonly authorization: string | null;
  /** The client's certificate, where its chain led to the trust of the listener. */
  readonly certificate: PeerCertificate | null;
  /** The address it comes from; '' where there is none. */
  readonly peer: string;
}

/** `unavailable`: nobody can say now; the client tries again. The others stay as they are. */
export type CallerFault = 'unauthenticated' | 'permission-denied' | 'unavailable';

/** Why a caller is not served. */
export interface CallerRefusal {
  readonly fault: CallerFault;
  /** For the client, and for the log; names no secret. */
  readonly reason: string;
}

/** A caller who has proven something. */
export interface XdsCaller {
  /** For logs. */
  readonly name: string;
  /** What the verdict hangs on besides (a Pod's key): who changes it says so by {@link AdsServer.reconsider}. */
  subjectOf(node: XdsNode): string;
  /** The node as it is to be served: what is known of the caller in place of what it says of itself. */
  introduce(node: XdsNode): Result<XdsNode, CallerRefusal>;
}

/** Finds out who calls; at once where it is known already. A promise settles within seconds and never rejects. */
export interface CallerProof {
  prove(
    shown: ShownCredentials,
  ): Result<XdsCaller, CallerRefusal> | Promise<Result<XdsCaller, CallerRefusal>>;
}

/** Carried as the cause of the error that ends a stream, so that the transport finds the status for it. */
export class CallerRefused {
  readonly fault: CallerFault;
  constructor(fault: CallerFault) {
    this.fault = fault;
  }
}

export function refusedError({ fault, reason }: CallerRefusal): MeshError {
  const retry = fault === 'unavailable' ? 'yes' : 'no';
  return new MeshError('protocol', 'downstream', retry, reason, new CallerRefused(fault));
}
