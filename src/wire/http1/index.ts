export { Http1ClientCodec } from './client.ts';
export { encodeRequestHead, encodeResponseHead } from './encode.ts';
export { fault, faultMessage } from './errors.ts';
export { bodyLength, bodyNone } from './framing.ts';
export { ReceivedRequestHead, ReceivedResponseHead } from './head.ts';
export { defaultHttp1Limits, type Http1Limits } from './limits.ts';
export { HeadReader } from './reader.ts';
export { defaultHttp1Rules, type Http1Rules } from './rules.ts';
export { Http1ServerCodec } from './server.ts';
