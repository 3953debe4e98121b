// What a connection accepts and how it writes, where HTTP/1 leaves a choice: Envoy's Http1ProtocolOptions. The defaults
// accept what the RFCs let one accept.

export interface Http1Rules {
  /** Requests of HTTP/1.0 are served; else 426. */
  readonly http10: boolean;
  /** The host of a request of HTTP/1.0 that names none; '' for none, and it is refused. */
  readonly hostForHttp10: string;
  /** Methods that no RFC and no old habit knows; else 400. */
  readonly customMethods: boolean;
  /** A target may be a whole URL (RFC 9112 section 3.2.2 asks servers to take it); else 404. */
  readonly absoluteForm: boolean;
  /** A Content-Length beside chunks is left out, and the connection ends (RFC 9112 section 6.3); else 400. */
  readonly lengthBesideChunks: boolean;
  /** Names are written `Content-Type`, not as they came. */
  readonly properCase: boolean;
  /** Requests are written with a whole URL, as to a forward proxy. */
  readonly writesAbsoluteForm: boolean;
}

export const defaultHttp1Rules: Http1Rules = {
  http10: true,
  hostForHttp10: '',
  customMethods: true,
  absoluteForm: true,
  lengthBesideChunks: false,
  properCase: false,
  writesAbsoluteForm: false,
};
