// What the first message of a TLS client says in the clear: enough to choose a certificate, or a destination, without
// ending the TLS.

export interface ClientHello {
  /** In lower case; null when the client named no server. */
  readonly serverName: string | null;
  /** In the client's order. */
  readonly alpn: readonly string[];
  /** Highest first, as `TLSv1.3`; versions that have no name here are left out. */
  readonly versions: readonly TlsVersion[];
  /** It can be shown a certificate with an ECDSA key on P-256. */
  readonly ecdsa: boolean;
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
