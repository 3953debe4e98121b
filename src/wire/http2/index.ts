export { Http2ClientCodec } from './client.ts';
export {
  createFaultCounts,
  type Http2Counts,
  type Http2EventName,
  http2Event,
} from './counts.ts';
export { type Http2FaultName, http2FaultNames, isStreamReset } from './errors.ts';
export { forgetSharedFields } from './hpack/made-field.ts';
export { defaultHttp2Limits, type Http2Limits } from './limits.ts';
export type { Http2Options } from './link.ts';
export { Http2ServerCodec, type Http2ServerHost } from './server.ts';
