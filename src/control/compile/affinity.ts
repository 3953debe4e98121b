// Calls of one client to one endpoint (sessionAffinity: ClientIP): a hash of the client's address chooses it, the same
// at every proxy and after every restart, and nothing is remembered.

import { create } from '@bufbuild/protobuf';
import {
  HashPolicy_SourceIpSchema,
  HashPolicySchema,
  type RouteAction_HashPolicy,
  RouteAction_HashPolicySchema,
} from '../../xds/api.ts';

/** Of a connection whose bytes are carried. */
export function hashSource() {
  return create(HashPolicySchema, {
    policySpecifier: { case: 'sourceIp', value: create(HashPolicy_SourceIpSchema, {}) },
  });
}

/** Of a request. */
export function hashClient(): RouteAction_HashPolicy {
  return create(RouteAction_HashPolicySchema, {
    policySpecifier: { case: 'connectionProperties', value: { sourceIp: true } },
  });
}

/**
 * Of a call of a gRPC client without a proxy, which is one client as a pod is: by its channel (gRFC A42).
 */
export function hashChannel(): RouteAction_HashPolicy {
  return create(RouteAction_HashPolicySchema, {
    policySpecifier: { case: 'filterState', value: { key: 'io.grpc.channel_id' } },
  });
}
