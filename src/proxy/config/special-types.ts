// What few listeners ask for, as one value beside their other options: null costs a request nothing.

import type { HeaderEdits } from '../../policy/index.ts';

export interface SpecialOptions {
  /** A request without x-request-id is given one. */
  readonly makesRequestId: boolean;
  /** What requests are said to have come with, whatever they did: also, what they leave with; null: what they did. */
  readonly scheme: 'http' | 'https' | 'upstream' | null;
  /** Requests name this proxy's cluster and node, and its cluster where they name no user agent. */
  readonly namesProxy: boolean;
  /** IPv4 addresses stand in x-forwarded-for as `::ffff:1.2.3.4`. */
  readonly mappedAddress: boolean;
  /** Before anything but the connection was looked at; null: none. */
  readonly earlyEdits: HeaderEdits | null;
  /** An expectation of 100-continue is the endpoint's to answer. */
  readonly passesExpectation: boolean;
  /** What is refused because of overload says so. */
  readonly tellsOverload: boolean;
  /** A connection of HTTP/1 is kept after a request that is refused as malformed. */
  readonly keepsMalformed: boolean;
  /** null: answers say no proxy-status. */
  readonly proxyStatus: ProxyStatusOptions | null;
}

/** RFC 9209, of the proxy's own answers. */
export interface ProxyStatusOptions {
  /** '' stands for the server's name. */
  readonly name: string | { readonly node: true };
  readonly details: boolean;
  readonly flags: boolean;
  /** The answer has the status that the RFC recommends for its error. */
  readonly recommendedStatus: boolean;
}
