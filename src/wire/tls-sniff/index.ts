export { describeJa3, describeJa4 } from './fingerprint.ts';
export { tlsSniffLimits } from './limits.ts';
export { parseClientHello } from './parse.ts';
export type { ClientHello, ClientHelloResult, HelloOffer, TlsVersion } from './types.ts';
