export { grpcStatusNames } from './grpc-status.ts';
export {
  type Head,
  type HeaderName,
  headerId,
  type RequestHead,
  type ResponseHead,
} from './head.ts';
export {
  copyResponseHead,
  copyTrailers,
  createConnectHead,
  createRequestHead,
  createResponseHead,
  createTrailers,
  listFields,
} from './made-head.ts';
export type {
  BodyReceiver,
  ByteSink,
  ClientCodec,
  ClientHost,
  ClientStream,
  RequestReceiver,
  ResponseReceiver,
  ServerCodec,
  ServerHost,
  ServerStream,
  Stream,
  TurnSink,
  TurnWriter,
} from './stream.ts';
export { opensTunnel } from './tunnel.ts';
