export { applyEdits, writeSteps } from './apply-edits.ts';
export { statusClass } from './attempt.ts';
export type { PaceLimit } from './body-pace.ts';
export { type BodyTransform, TransformError } from './body-transform.ts';
export { type CallOwner, ClusterCall } from './cluster-call.ts';
export { type ExchangeContext, HttpDates } from './context.ts';
export { findCookie, formatCookie } from './cookies.ts';
export { Exchange } from './exchange.ts';
export { grpcStatusFor, grpcStatusOf, grpcUnknown, grpcUnsaid, isGrpc } from './grpc.ts';
export { GrpcCall, type GrpcCallOwner, type GrpcTarget } from './grpc-call.ts';
export { IdleExchanges, idleExchangesMax } from './idle-exchanges.ts';
export type { ExchangeOwner } from './owner.ts';
export { paceRequest, paceResponse } from './pacing.ts';
export { clusterNamed, rematch } from './phases.ts';
export { factsOf, protocolOf } from './request-facts.ts';
export { clientOf } from './request-origin.ts';
export type {
  Answerer,
  Authorizer,
  Denial,
  ExchangeListener,
  ExchangeState,
  FilterSteps,
  RequestSpan,
  RequestState,
  RequestTracer,
  Waiter,
} from './request-state.ts';
