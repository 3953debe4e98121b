// Features of Gateway API that this controller says it has (GatewayClassStatus.supportedFeatures): what passed the
// published conformance suite. Written by tools/conformance.ts.

export const supportedFeatures: readonly string[] = [
  'GRPCRoute',
  'Gateway',
  'HTTPRoute',
  'ReferenceGrant',
  'TCPRoute',
  'TLSRoute',
];
