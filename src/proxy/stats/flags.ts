// Envoy's response flags, the words that operators of this field already search logs for
// (envoyproxy.io, access log, %RESPONSE_FLAGS%).

export const responseFlags = {
  none: '',
  upstreamConnectFailure: 'UF',
  upstreamOverflow: 'UO',
  noRoute: 'NR',
  noHealthyUpstream: 'UH',
  upstreamTimeout: 'UT',
  upstreamClosed: 'UC',
  upstreamProtocolError: 'UPE',
  retryLimit: 'URX',
  noCluster: 'NC',
  downstreamClosed: 'DC',
  downstreamProtocolError: 'DPE',
  streamIdle: 'SI',
  durationTimeout: 'DT',
  localReset: 'LR',
  faultDelay: 'DI',
  faultAbort: 'FI',
  rateLimited: 'RL',
  rateLimitError: 'RLSE',
  denied: 'UAEX',
  healthFailed: 'LH',
  overloaded: 'OM',
  invalidEnvoyHeaders: 'IH',
  dropped: 'DO',
  allDropped: 'UDO',
} as const;

export type ResponseFlag = (typeof responseFlags)[keyof typeof responseFlags];
