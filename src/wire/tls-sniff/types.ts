// What the first message of a TLS client says in the clear: enough to choose a certificate, or a destination, without
// ending the TLS.

export interface ClientHello {
  /** In lower case; null when the client named no server. */
  readonly serverName: string | null;
  /** In the client's order. */
  readonly alpn: readonly string[];
  /** Highest first, as `TLSv1.3`; versions that have no name here are left out. */
  readonly versions: readonly TlsVersion[];
  /** It can be shown a certificate with an ECDSA key on P-256, where one of its suites is spoken. */
  readonly ecdsa: boolean;
  readonly offer: HelloOffer;
}

/** What a client is able to do, by the numbers of TLS and in the client's order. */
export interface HelloOffer {
  /** The field of that name: 1.2 from there on (RFC 8446 section 4.1.2). */
  readonly legacyVersion: number;
  readonly suites: readonly number[];
  /** Their types. */
  readonly extensions: readonly number[];
  readonly groups: readonly number[];
  readonly pointFormats: readonly number[];
  readonly signatures: readonly number[];
  /** From the extension; empty where the client speaks 1.2 at most. */
  readonly versions: readonly number[];
}

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

/**
 * `more`: it cannot be whole below `needed` bytes in all, only shown to be faulty. `none`: this is no TLS. `fault`: it
 * began as TLS and breaks the format or a limit.
 */
export type ClientHelloResult =
  | { readonly kind: 'more'; readonly needed: number }
  | { readonly kind: 'none' }
  | { readonly kind: 'fault'; readonly message: string }
  | { readonly kind: 'hello'; readonly hello: ClientHello };
