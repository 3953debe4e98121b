// What a listener needs of whatever serves a connection: HTTP or a tunnel.

import type { Address } from '../../net/index.ts';
import type { ConnectionFacts, HelloFingerprints, MetadataMap } from '../../observe/index.ts';
import type { Tlv } from '../../wire/proxy-protocol/index.ts';

/** Both ends of a connection, as listener filters found them. */
export interface Ends {
  /** Who connects: the peer of the socket, or whom a PROXY header names. */
  readonly remote: Address;
  /** Where it was going before it was redirected here, or as a PROXY header says; null where nothing told. */
  readonly restored: Address | null;
  /** What a PROXY header had beyond its ends, as far as it may be passed on. */
  readonly tlvs: readonly Tlv[];
  /** What listener filters made of what they read; null: nothing. */
  readonly metadata: MetadataMap | null;
  /** What a client asks for by SNI, where a listener filter read it. */
  readonly serverName: string | null;
  /** Null: nobody asked for them. */
  readonly fingerprints: HelloFingerprints | null;
}

export interface Session extends ConnectionFacts {
  /** What is spoken, as PROTOCOL says it; '' where nobody knows. */
  readonly protocol: string;
  /** Of its bodies or, in a tunnel, of all that it carries; -1: they are counted for each request alone. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Draining: ends when it may without hurting its client, looked at again and again. */
  drainWhenQuiet(nowMs: number, quietMs: number): void;
  /** Ends it in order as soon as possible. */
  drain(): void;
  reset(): void;
  /** Bytes that this proxy holds for it: what its client has not taken yet, and what is kept of requests. */
  readonly heldBytes: number;
  /** Ends it if no request ran on it for so long; 0 of its own timeout: never. */
  endIdle(nowMs: number, scale: (ms: number) => number): void;
}
