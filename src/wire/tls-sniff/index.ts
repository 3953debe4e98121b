export { tlsSniffLimits } from './limits.ts';
export { parseClientHello } from './parse.ts';
export type { ClientHello, ClientHelloResult, HelloOffer, TlsVersion } from './types.ts';
