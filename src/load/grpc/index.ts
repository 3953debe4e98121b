// Calls of gRPC by descriptors. Apart from load's own face, so that only runs that need a compiler load it.

export { type CallPlanning, planCalls } from './plan-calls.ts';
