// What the code around an AdsServer gives it and learns from it.

import type { AdsVariant, XdsNode } from '../types.ts';

/** A client refused a response: its own words, for the condition on the object that caused it. */
export interface AdsNack {
  readonly node: XdsNode;
  readonly typeUrl: string;
  /** The version that was refused; '' when the client refused a response that is no longer the newest. */
  readonly version: string;
  readonly message: string;
}

/** The fault behind a NACK, found by sending what was refused again in smaller pieces. */
export interface AdsRefusal {
  /** Its name. */
  readonly resource: string;
  /** Of a route configuration: the virtual host at fault; empty: all of the resource. */
  readonly part: string;
  /** The virtual host's routes that changed since the client last took it; none: the host itself. */
  readonly items: readonly string[];
  /** Of the resource. */
  readonly version: string;
  /** In the client's own words. */
  readonly message: string;
}

export interface AdsObserver {
  onStream(node: XdsNode, connected: boolean): void;
  /** A response was refused; which of its resources are at fault is told by `onRefused`, soon after. */
  onNack(nack: AdsNack): void;
  onRefused(node: XdsNode, typeUrl: string, refusal: AdsRefusal): void;
  /** What was refused was taken in another form, or is gone. */
  onResolved(node: XdsNode, typeUrl: string, refusal: AdsRefusal): void;
  /** `waitMs`: from sending to the client's answer. */
  onAck(node: XdsNode, typeUrl: string, version: string, waitMs: number): void;
}

/** The server's view in the words of CSDS (envoy/service/status/v3/csds.proto, ConfigStatus). */
export type AdsSyncStatus = 'SYNCED' | 'NOT_SENT' | 'STALE' | 'ERROR';

export interface AdsTypeStatus {
  /** Of Envoy's API. */
  readonly typeUrl: string;
  /** In the words of CSDS: STALE waits for an answer, ERROR was refused. */
  readonly status: AdsSyncStatus;
  /** Last version sent; empty: none. */
  readonly sentVersion: string;
  /** Last version accepted; empty: none. */
  readonly ackedVersion: string;
  /** Of the last response. */
  readonly nonce: string;
  /** Text of the last NACK; empty once all that was refused was taken or is gone. */
  readonly error: string;
  /** What the client does not have because it refused it. */
  readonly refusals: readonly AdsRefusal[];
  /** How many resources by name, or all. */
  readonly subscribed: '*' | number;
  /** Since the last response was sent; -1 before the first. */
  readonly ageMs: number;
}

export interface AdsStreamStatus {
  /** Null until the first request. */
  readonly node: XdsNode | null;
  readonly variant: AdsVariant;
  readonly connectedMs: number;
  readonly types: readonly AdsTypeStatus[];
}
