export { tlsSniffLimits } from './limits.ts';
export { parseClientHello } from './parse.ts';
export type { ClientHello, ClientHelloResult, TlsVersion } from './types.ts';
