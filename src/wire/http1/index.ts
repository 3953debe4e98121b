export { Http1ClientCodec } from './client.ts';
export { type FaultName, fault, faultName, faultStatus } from './errors.ts';
export { defaultHttp1Limits, type Http1Limits } from './limits.ts';
export { Http1ServerCodec } from './server.ts';
