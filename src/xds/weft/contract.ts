// What Weft's control plane and its proxies agree on beyond Envoy's API (docs/xds.md): the names under which it
// travels, and what holds where a policy says nothing. The schema of ServicePolicy has its defaults from here, and so
// has the proxy that reads a policy in part.

import { retryDefaults } from '../../policy/index.ts';

/** Key of `filter_metadata` on clusters, endpoints, listeners and routes. */
export const weftMetadataKey = 'weft.dev';

/** Type of the TypedStruct that asks for Weft's own balancer. */
export const latencyAwareType = 'weft.dev/v1alpha1.LatencyAware';

/** Milliseconds and counts. */
export const policyDefaults = {
  timeouts: {
    requestMs: 15_000,
    attemptMs: 5_000,
    connectMs: 1_000,
    idleMs: 300_000,
  },
  retry: retryDefaults,
  limits: { connections: 1024, pending: 1024, requests: 1024 },
  outlierDetection: {
    consecutiveFailures: 5,
    successRate: { minimumHosts: 5, minimumRequests: 100, stdevFactor: 1.9 },
    intervalMs: 10_000,
    baseEjectionMs: 10_000,
    maxEjectionMs: 300_000,
    maxEjectedPercent: 50,
  },
  healthCheck: { intervalMs: 5_000, timeoutMs: 1_000, healthyThreshold: 2, unhealthyThreshold: 3 },
  /** 30 days. */
  objective: { windowMs: 2_592_000_000 },
  latencyAware: { decayMs: 10_000, rttMs: 30 },
} as const;
